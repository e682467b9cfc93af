// SPDX-License-Identifier: Apache-2.0

/** How much the own broker keeps in memory for others. */
export interface SessionLimits {
  /** messages for one session that is away or behind, default 100 as KubeEdge */
  readonly perSession: number;
  /** bytes of all of them, default 8 MiB */
  readonly queuedBytes: number;
  /** topics that one user retains a message on, default 1,000 */
  readonly retainedTopics: number;
  /** bytes of all retained messages, default 4 MiB */
  readonly retainedBytes: number;
}

export const DEFAULT_SESSION_LIMITS: SessionLimits = {
  perSession: 100,
  queuedBytes: 8 * 1024 * 1024,
  retainedTopics: 1_000,
  retainedBytes: 4 * 1024 * 1024,
};

interface Packet {
  readonly topic: string;
  readonly payload: string | Buffer;
}

/** The part of the broker's persistence that grows. */
export interface Queues {
  outgoingUpdate(client: { readonly id: string }, packet: object): Promise<unknown>;
  outgoingEnqueueCombi(subs: readonly { readonly clientId: string }[], packet: Packet): Promise<unknown>;
  outgoingClearMessageId(client: { readonly id: string }, packet: object): Promise<Packet | undefined>;
}

const bytesOf = ({ topic, payload }: Packet): number => topic.length + payload.length + 64;

/** Bounds the queues of sessions: a full one gets no more, and the message is counted. */
export function boundQueues(queues: Queues, limits: SessionLimits, onDropped: () => void): void {
  const counts = new Map<string, number>();
  let bytes = 0;
  const enqueue = queues.outgoingEnqueueCombi.bind(queues);
  const clear = queues.outgoingClearMessageId.bind(queues);
  const add = (clientId: string, step: number): void => {
    const count = (counts.get(clientId) ?? 0) + step;
    if (count > 0) counts.set(clientId, count);
    else counts.delete(clientId);
  };
  queues.outgoingEnqueueCombi = (subs, packet) => {
    const size = bytesOf(packet);
    const taken = subs.filter(({ clientId }) => {
      const isFull = (counts.get(clientId) ?? 0) >= limits.perSession || bytes + size > limits.queuedBytes;
      if (isFull) {
        onDropped();
        return false;
      }
      bytes += size;
      add(clientId, 1);
      return true;
    });
    return enqueue(taken, packet);
  };
  const update = queues.outgoingUpdate.bind(queues);
  // What a full queue did not take is no fault of its reader, who gets it now or never.
  queues.outgoingUpdate = (client, packet) => update(client, packet).catch(() => undefined);
  queues.outgoingClearMessageId = async (client, packet) => {
    const cleared = await clear(client, packet);
    if (cleared !== undefined && "payload" in cleared) {
      bytes -= bytesOf(cleared);
      add(client.id, -1);
    }
    return cleared;
  };
}

/** Who retains how much. */
export class Retained {
  readonly #limits: SessionLimits;
  readonly #users = new Map<string, Map<string, number>>();
  #bytes = 0;

  constructor(limits: SessionLimits) {
    this.#limits = limits;
  }

  /** False where this user may retain no more; an empty payload removes what is retained. */
  take(user: string, topic: string, payloadBytes: number): boolean {
    const topics = this.#users.get(user) ?? new Map<string, number>();
    const held = topics.get(topic) ?? 0;
    const bytes = payloadBytes === 0 ? 0 : payloadBytes + topic.length;
    const isNew = bytes > 0 && !topics.has(topic);
    if (isNew && topics.size >= this.#limits.retainedTopics) return false;
    if (this.#bytes - held + bytes > this.#limits.retainedBytes) return false;
    this.#bytes += bytes - held;
    if (bytes > 0) topics.set(topic, bytes);
    else topics.delete(topic);
    if (topics.size > 0) this.#users.set(user, topics);
    else this.#users.delete(user);
    return true;
  }
}

interface Sub {
  readonly topic: string;
}

/** The part of the broker's persistence that knows what sessions subscribed to. */
export interface Filters {
  addSubscriptions(client: { readonly id: string }, subs: readonly Sub[]): Promise<unknown>;
}

/** Keeps for a session what was granted alone: the broker hands over all that was asked for together. */
export function keepGranted(filters: Filters, grantedOf: (sub: Sub) => Sub | undefined): void {
  const add = filters.addSubscriptions.bind(filters);
  filters.addSubscriptions = (client, subs) =>
    add(
      client,
      subs.flatMap((sub) => grantedOf(sub) ?? []),
    );
}

interface Incoming {
  readonly messageId?: number;
}

/** The part of the broker's persistence that knows which handshakes of QoS 2 are open. */
export interface Handshakes {
  incomingStorePacket(client: { readonly id: string }, packet: Incoming): Promise<unknown>;
  incomingGetPacket(client: { readonly id: string }, packet: Incoming): Promise<unknown>;
  incomingDelPacket(client: { readonly id: string }, packet: Incoming): Promise<unknown>;
  cleanIncoming(client: { readonly id: string }): Promise<unknown>;
}

/** Keeps the ids of open handshakes, and not their messages, which were delivered; of a session at most so many. */
export function keepIds(handshakes: Handshakes, maxOpen: number): void {
  const open = new Map<string, Set<number>>();
  const idsOf = ({ id }: { readonly id: string }): Set<number> => open.get(id) ?? new Set();
  const find = (client: { readonly id: string }, { messageId = 0 }: Incoming): Promise<object> =>
    idsOf(client).has(messageId)
      ? Promise.resolve({ messageId })
      : Promise.reject(new Error("no such handshake"));
  handshakes.incomingGetPacket = find;
  handshakes.incomingStorePacket = (client, { messageId = 0 }) => {
    const ids = idsOf(client);
    if (ids.size >= maxOpen) return Promise.reject(new Error("too many handshakes are open"));
    open.set(client.id, ids.add(messageId));
    return Promise.resolve();
  };
  handshakes.incomingDelPacket = async (client, packet) => {
    await find(client, packet);
    const ids = idsOf(client);
    ids.delete(packet.messageId ?? 0);
    if (ids.size === 0) open.delete(client.id);
  };
  handshakes.cleanIncoming = ({ id }) => Promise.resolve(open.delete(id));
}

/** A queue, and what a session subscribed to. */
export interface SessionStore extends Queues, Filters, Handshakes {
  cleanSubscriptions(client: { readonly id: string }): Promise<unknown>;
  outgoingStream(client: { readonly id: string }): AsyncIterable<object>;
}

/** Drops what the broker keeps of a session. */
export async function dropSession(store: SessionStore, clientId: string): Promise<void> {
  const client = { id: clientId };
  await store.cleanSubscriptions(client);
  await store.cleanIncoming(client);
  for await (const packet of store.outgoingStream(client)) await store.outgoingClearMessageId(client, packet);
}
