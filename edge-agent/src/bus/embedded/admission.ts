// SPDX-License-Identifier: Apache-2.0
import { statSync } from "node:fs";
import type { Clock } from "../../clock.ts";
import type { AgentLog } from "../../log.ts";
import { topicFault } from "../topic.ts";
import { ANONYMOUS, mayWill, type Grants } from "./acl.ts";
import { CredentialsError, isPassword, readCredentials, type Credential } from "./credentials.ts";
import { Door, type DoorOptions } from "./door.ts";

/** What a client says of itself when it connects. */
export interface Knock {
  readonly clientId: string;
  readonly address: string;
  readonly username: string | undefined;
  readonly password: Buffer | undefined;
  readonly willTopic: string | undefined;
}

/** Who may come in, as whom. */
export interface Guest {
  /** "" is who came without a name */
  readonly user: string;
  readonly grants: Grants;
  /** Of its password: a session ends when it changes. */
  readonly hash: string;
}

/** Why somebody may not; each maps to what MQTT 3.1.1 can say of it. */
export type Turned = "credentials" | "banned" | "rate" | "client-id" | "takeover" | "will" | "sessions";

/** Return codes of a CONNACK of MQTT 3.1.1. */
export const RETURN_CODES: Readonly<Record<Turned, 2 | 3 | 4 | 5>> = {
  credentials: 4,
  banned: 5,
  will: 5,
  "client-id": 2,
  rate: 3,
  takeover: 3,
  sessions: 3,
};

/** What admission needs. */
export interface AdmissionDeps {
  /** "" lets everybody in */
  readonly credentialsFile: string;
  readonly node: string;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly isConnected: (clientId: string) => boolean;
  readonly door?: Partial<DoorOptions>;
  /** The broker is to drop what it keeps of this session: its user has newer ones. */
  readonly onEvicted: (clientId: string) => void;
  /** sessions of all users, default 256 */
  readonly maxSessions?: number;
  /** sessions of one user, default 16; of no meaning where everybody is let in */
  readonly maxUserSessions?: number;
  /** passwords that wait to be checked, default 64: one at a time, each takes 16 MiB for a moment */
  readonly maxWaiting?: number;
}

const DEFAULTS = { maxSessions: 256, maxUserSessions: 16, maxWaiting: 64 };
const REREAD_MS = 1_000;
const CLIENT_ID = /^[\u0021-\u007e]{1,128}$/;

/** Decides who comes in. */
export class Admission {
  readonly #deps: AdmissionDeps & typeof DEFAULTS;
  readonly #door: Door;
  /** whose a session is that the broker keeps */
  readonly #owners = new Map<string, string>();
  #users: ReadonlyMap<string, Credential> = new Map();
  #readAtMs = -Infinity;
  #mark = "";
  #waiting = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(deps: AdmissionDeps) {
    this.#deps = { ...DEFAULTS, ...deps };
    this.#door = new Door(deps.clock, deps.door);
    this.refresh();
  }

  /** Without a file of users everybody of this machine is one. */
  get isOpen(): boolean {
    return this.#deps.credentialsFile === "";
  }

  /** Reads the file again where it changed. True: users may have changed. */
  refresh(): boolean {
    const { clock, credentialsFile: path, log, node } = this.#deps;
    if (this.isOpen || clock.monotonicMs() - this.#readAtMs < REREAD_MS) return false;
    this.#readAtMs = clock.monotonicMs();
    const mark = markOf(path);
    if (mark === this.#mark) return false;
    this.#mark = mark;
    try {
      this.#users = readCredentials(path, node);
      log.info({ path, users: this.#users.size }, "users of the own MQTT broker read");
    } catch (error) {
      if (!(error instanceof CredentialsError)) throw error;
      // Nobody rather than those of before: who was taken out must not stay in because of a slip elsewhere.
      this.#users = new Map();
      log.error(
        { path, reason: error.message },
        "the users of the own MQTT broker cannot be read, nobody comes in",
      );
    }
    return true;
  }

  /** Whether somebody who is in may stay. */
  isValid({ user, hash, grants }: Guest): boolean {
    if (this.isOpen) return true;
    const known = this.#users.get(user);
    return known?.hash === hash && JSON.stringify(known.grants) === JSON.stringify(grants);
  }

  async admit(knock: Knock): Promise<Guest | Turned> {
    this.refresh();
    const early = this.#beforePassword(knock);
    if (early !== undefined) return early;
    const guest = await this.#identify(knock);
    return typeof guest === "string" ? guest : (this.#afterPassword(knock, guest) ?? guest);
  }

  /** A session of this user began; it is the user's until it is forgotten. */
  claim(clientId: string, user: string): void {
    this.#owners.delete(clientId);
    this.#owners.set(clientId, user);
  }

  /** The broker keeps no session of it any more. */
  forget(clientId: string): void {
    this.#owners.delete(clientId);
  }

  #beforePassword(knock: Knock): Turned | undefined {
    if (!CLIENT_ID.test(knock.clientId)) return "client-id";
    return this.#door.knock(whoOf(knock));
  }

  async #identify(knock: Knock): Promise<Guest | Turned> {
    const { username, password } = knock;
    if (this.isOpen) return { user: "", grants: ANONYMOUS, hash: "" };
    if (username === undefined || password === undefined || password.length > 1_024) return "credentials";
    const credential = this.#users.get(username);
    // Not looked at is not wrong: in a crowd nobody is to be banned for the others.
    if (this.#waiting >= this.#deps.maxWaiting) return "rate";
    const isRight = await this.#oneByOne(() => isPassword(credential?.hash, password));
    if (credential !== undefined && isRight) {
      this.#door.rightPassword(whoOf(knock));
      return { user: username, grants: credential.grants, hash: credential.hash };
    }
    this.#door.wrongPassword(whoOf(knock));
    return "credentials";
  }

  async #oneByOne(check: () => Promise<boolean>): Promise<boolean> {
    this.#waiting++;
    const mine = this.#turn.then(check);
    this.#turn = mine.catch(() => undefined);
    try {
      return await mine;
    } finally {
      this.#waiting--;
    }
  }

  #afterPassword({ clientId, willTopic }: Knock, { user, grants }: Guest): Turned | undefined {
    const owner = this.#owners.get(clientId);
    if (owner !== undefined && owner !== user) return "client-id";
    if (willTopic !== undefined && !isWill(willTopic, grants)) return "will";
    if (owner === undefined && !this.#hasRoom(user)) return "sessions";
    if (this.#deps.isConnected(clientId) && !this.#door.mayTakeOver(clientId)) return "takeover";
    this.claim(clientId, user);
    return undefined;
  }

  /** A user that has too many sessions loses the one that is away for longest. */
  #hasRoom(user: string): boolean {
    const { isConnected, maxSessions, maxUserSessions, onEvicted } = this.#deps;
    const own = [...this.#owners].filter(([, owner]) => owner === user).map(([clientId]) => clientId);
    const isFull = this.#owners.size >= maxSessions;
    // Without users all are one: then it is no measure of anybody.
    if ((this.isOpen || own.length < maxUserSessions) && !isFull) return true;
    const away = own.find((clientId) => !isConnected(clientId));
    if (away === undefined) return false;
    this.forget(away);
    onEvicted(away);
    return true;
  }
}

const isWill = (topic: string, grants: Grants): boolean =>
  topicFault(topic) === undefined && mayWill(grants, topic);

const whoOf = ({ username = "", address, clientId }: Knock): string =>
  `${username === "" ? clientId : username.slice(0, 128)} ${address}`;

/** Tells a file from the one that was read; "" where there is none. */
function markOf(path: string): string {
  try {
    const { ino, mtimeMs, ctimeMs, size } = statSync(path);
    return `${ino} ${mtimeMs} ${ctimeMs} ${size}`;
  } catch {
    return "missing";
  }
}
