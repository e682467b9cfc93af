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

/** A queue, and what a session subscribed to. */
export interface SessionStore extends Queues {
  cleanSubscriptions(client: { readonly id: string }): Promise<unknown>;
  outgoingStream(client: { readonly id: string }): AsyncIterable<object>;
}

/** Drops what the broker keeps of a session. */
export async function dropSession(store: SessionStore, clientId: string): Promise<void> {
  const client = { id: clientId };
  await store.cleanSubscriptions(client);
  for await (const packet of store.outgoingStream(client)) await store.outgoingClearMessageId(client, packet);
}
