// SPDX-License-Identifier: Apache-2.0
import type { Socket } from "node:net";
import type {
  AedesOptions,
  AuthenticateError,
  Client,
  ConnectPacket,
  PublishPacket,
  Subscription,
} from "aedes";
import type { Clock } from "../../clock.ts";
import { createBuckets } from "../../devices/bucket.ts";
import type { AgentLog } from "../../log.ts";
import { reasonOf } from "../reason.ts";
import { Recent, type Delivery } from "../recent.ts";
import { filterFault, matches, MAX_LEVELS, topicFault } from "../topic.ts";
import { mayPublish, maySubscribe } from "./acl.ts";
import { RETURN_CODES, type Admission, type Guest, type Turned } from "./admission.ts";
import { Rates } from "./rates.ts";
import type { Retained } from "./sessions.ts";

/** What the clerk decides by. */
export interface ClerkDeps {
  readonly admission: Admission;
  readonly retained: Retained;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly onReject: (reason: string) => void;
  /** Resolves when the message may be acknowledged; a reason may end the connection. @throws when it may not */
  readonly receive: (delivery: Delivery) => Promise<string | undefined>;
  /** The handshake of QoS 2 did not get as far as to be acknowledged: what is sent again is new. */
  readonly forgetIncoming: (client: Client, packet: { readonly messageId?: number }) => Promise<unknown>;
  /** The session is not to have this filter any longer. */
  readonly forgetFilter: (client: Client, filter: string) => Promise<unknown>;
  readonly limits: {
    readonly maxPayloadBytes: number;
    readonly messagesPerSecond: number;
    readonly messageBurst: number;
    readonly maxSubscriptions: number;
  };
}

/** Handshakes of QoS 2 of one client that are open. */
const MAX_QOS2 = 32;
const MAX_CLIENT_ID_CHARS = 128;
/** Allowances that are remembered. */
const MAX_RATES = 1_000;
/** A client that reads nothing for so long is cut off. */
const DRAIN_MS = 10_000;
const CONNECT_MS = 10_000;
/** Reasons of the bus that end a connection. Of others the client is told by a message; a rate there is not its own. */
const ENDS = new Set(["topic", "size"]);

interface Seat {
  readonly guest: Guest;
  /** whose allowance its messages use */
  readonly account: string;
  /** It was told once why it goes; what comes behind in the same breath is not looked at. */
  isCut: boolean;
  readonly recent: Recent;
  /** filters that it was granted */
  readonly filters: Set<string>;
}

/** Why a client is cut off; MQTT 3.1.1 has no way to say it. It was counted where it was decided. */
export class Cut extends Error {
  override readonly name = "Cut";
}

/** Decides on what clients of the own broker ask: to come in, to publish, to subscribe. */
export class Clerk {
  readonly #deps: ClerkDeps;
  readonly #rates: Rates;
  readonly #mayLog: (reason: string) => boolean;
  readonly #seats = new WeakMap<Client, Seat>();
  readonly #connects = new WeakMap<Client, ConnectPacket>();
  /** by what was asked for */
  readonly #granted = new WeakMap<object, Subscription>();

  constructor(deps: ClerkDeps) {
    this.#deps = deps;
    const { messagesPerSecond: perSecond, messageBurst: burst } = deps.limits;
    this.#rates = new Rates(deps.clock, { perSecond, burst, maxKeys: MAX_RATES });
    this.#mayLog = createBuckets(deps.clock, { perSecond: 0.1, burst: 5 });
  }

  /** Who sits at this connection. */
  guestOf(client: Client): Guest | undefined {
    return this.#seats.get(client)?.guest;
  }

  /** What was granted of what was asked for; undefined: nothing. */
  grantedOf(asked: object): Subscription | undefined {
    return this.#granted.get(asked);
  }

  unsubscribed(client: Client, filters: readonly string[]): void {
    for (const filter of filters) this.#seats.get(client)?.filters.delete(filter);
  }

  reject(reason: string, user?: string): void {
    this.#deps.onReject(reason);
    if (this.#mayLog(reason))
      this.#deps.log.warn(
        { reason, user: user?.slice(0, 64) },
        "a client of the own MQTT broker was refused",
      );
  }

  options(): AedesOptions {
    return {
      connectTimeout: CONNECT_MS,
      drainTimeout: DRAIN_MS,
      maxTopicLevels: MAX_LEVELS,
      maxInflightInbound: MAX_QOS2,
      maxClientsIdLength: MAX_CLIENT_ID_CHARS,
      preConnect: (client, packet, done) => {
        this.#connects.set(client, packet);
        done(null, true);
      },
      authenticate: (client, username, password, done) => {
        this.#settle(this.#authenticate(client, username, password), {
          done: (turned) => done(turned === undefined ? null : toConnackError(turned), turned === undefined),
          failed: () => done(toConnackError("rate"), false),
        });
      },
      authorizePublish: (client, packet, done) => {
        this.#settle(this.#authorize(client, packet), { done: () => done(null), failed: done });
      },
      authorizeSubscribe: (client, subscription, done) => done(null, this.#grant(client, subscription)),
      // What was published with QoS 2 is delivered with 1, as was granted.
      authorizeForward: (client, packet) => {
        if (packet.qos === 2) packet.qos = 1;
        return this.#mayHear(client, packet.topic) ? packet : null;
      },
      published: (packet, client, done) => {
        this.#settle(this.#finish(client, packet), { done: () => done(null), failed: done });
      },
    };
  }

  /** Hands a decision back to the broker, whose own failure then must not end the agent. */
  #settle<T>(decision: Promise<T>, then: { done: (value: T) => void; failed: (error: Error) => void }): void {
    decision
      .then(then.done, (error: unknown) => {
        if (!(error instanceof Cut))
          this.#deps.log.warn(
            { reason: reasonOf(error) },
            "a client of the own MQTT broker cannot be served",
          );
        then.failed(error as Error);
      })
      .catch((err: unknown) => this.#deps.log.error({ err }, "the own MQTT broker failed"));
  }

  async #authenticate(client: Client, username?: string, password?: Buffer): Promise<Turned | undefined> {
    const packet = this.#connects.get(client);
    this.#connects.delete(client);
    const admitted = await this.#deps.admission.admit({
      clientId: packet?.clientId ?? "",
      address: (client.conn as Socket).remoteAddress ?? "",
      username,
      password,
      willTopic: packet?.will?.topic,
    });
    if (typeof admitted === "string") {
      this.reject(admitted, username);
      return admitted;
    }
    // Who comes without a name has an allowance by its client id, or one would use up everybody's.
    const account = admitted.user === "" ? `client ${packet?.clientId ?? ""}` : `user ${admitted.user}`;
    this.#seats.set(client, {
      guest: admitted,
      account,
      isCut: false,
      recent: new Recent(),
      filters: new Set(),
    });
    return undefined;
  }

  /** @throws {Cut | StoreError} the connection ends, and nothing is acknowledged */
  async #authorize(client: Client | null, packet: PublishPacket): Promise<void> {
    const seat = client === null ? undefined : this.#seats.get(client);
    if (seat === undefined || seat.isCut) throw new Cut("nobody");
    const reason = this.#faultOf(seat, packet);
    if (reason !== undefined) {
      seat.isCut = true;
      this.reject(reason, seat.guest.user);
      throw new Cut(reason);
    }
    // A copy: what is kept of it must not keep all that was read together with it.
    packet.payload = copyOf(packet.payload);
    // With QoS 2 what is sent again is told from what is new after this.
    if (packet.qos < 2) await this.#take(seat, packet);
  }

  #faultOf({ guest, account }: Seat, { topic, payload, retain }: PublishPacket): string | undefined {
    const { user, grants } = guest;
    if (!this.#rates.mayPass(account)) return "rate";
    if (topicFault(topic) !== undefined) return "topic";
    if (payload.length > this.#deps.limits.maxPayloadBytes) return "size";
    if (!mayPublish(grants, topic)) return "acl";
    return retain && !this.#deps.retained.take(user, topic, payload.length) ? "retained" : undefined;
  }

  async #take(seat: Seat, { topic, payload, qos, messageId, dup }: PublishPacket): Promise<void> {
    const bytes = Buffer.isBuffer(payload) ? payload : Buffer.from(payload);
    const delivery: Delivery = { topic, payload: bytes, qos, messageId, isDuplicate: dup };
    if (seat.recent.has(delivery)) return;
    const reason = await this.#deps.receive(delivery);
    if (reason !== undefined && ENDS.has(reason)) {
      seat.isCut = true;
      throw new Cut(reason);
    }
    seat.recent.done(delivery);
  }

  /** The broker has a message of QoS 2 for the first time; its PUBREC follows. */
  async #finish(client: Client | null, packet: PublishPacket): Promise<void> {
    const seat = client === null ? undefined : this.#seats.get(client);
    if (packet.qos !== 2 || client === null || seat === undefined) return;
    try {
      await this.#take(seat, { ...packet, dup: false });
    } catch (error) {
      await this.#deps.forgetIncoming(client, packet);
      throw error;
    }
  }

  /** What a session kept from a time when its user might hear more is not told any longer. */
  #mayHear(client: Client, topic: string): boolean {
    const subscribe = this.guestOf(client)?.grants.subscribe ?? [];
    return subscribe.some((filter) => matches(filter, topic));
  }

  /** Null refuses this filter alone: 0x80 in the SUBACK. */
  #grant(client: Client, asked: Subscription): Subscription | null {
    const seat = this.#seats.get(client);
    const fault = this.#filterFault(seat, asked.topic);
    if (seat === undefined || fault !== undefined) {
      this.reject(fault ?? "acl", seat?.guest.user);
      this.#deps
        .forgetFilter(client, asked.topic)
        .catch((err: unknown) => this.#deps.log.error({ err }, "the own MQTT broker failed"));
      return null;
    }
    const granted = { ...asked, qos: asked.qos === 2 ? (1 as const) : asked.qos };
    seat.filters.add(asked.topic);
    this.#granted.set(asked, granted);
    return granted;
  }

  #filterFault(seat: Seat | undefined, filter: string): string | undefined {
    if (filterFault(filter) !== undefined) return "topic";
    if (seat === undefined || !maySubscribe(seat.guest.grants, filter)) return "acl";
    const isFull = seat.filters.size >= this.#deps.limits.maxSubscriptions;
    return isFull && !seat.filters.has(filter) ? "subscriptions" : undefined;
  }
}

function copyOf(payload: string | Buffer): Buffer {
  const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

/** Through Error: the library's code is a const enum, which cannot be named here. */
function toConnackError(reason: Turned): AuthenticateError {
  const error: Error = Object.assign(new Cut(reason), { returnCode: RETURN_CODES[reason] });
  return error as AuthenticateError;
}
