// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "@longshore/mapper";
import { MqttError } from "./errors.ts";
import type { MqttOptions } from "./options.ts";
import type { Qos } from "./point.ts";

export interface Message {
  /** undefined: it was longer than allowed */
  readonly payload: Buffer | undefined;
  readonly atMs: number;
}

interface Topic {
  users: number;
  /** undefined until it was subscribed */
  qos: Qos | undefined;
  latest: Message | undefined;
  readonly waiting: Set<() => void>;
  cancelLinger: () => void;
}

/** The topics of one broker that devices use, and the newest message of each. */
export interface Topics {
  /**
   * Counts a user of the topic.
   *
   * @returns whether it must be subscribed: `subscribed` tells that it was
   * @throws {MqttError} TOO_MUCH
   */
  use(topic: string, qos: Qos): boolean;
  subscribed(topic: string, qos: Qos): void;
  /** Counts down; a topic without users is forgotten later, which `onForgotten` tells. */
  leave(topic: string): void;
  take(topic: string, payload: Buffer): void;
  latest(topic: string): Message | undefined;
  /** Resolves with the next message, or with undefined when it aborts or the time is over. */
  next(topic: string, timeoutMs: number, signal: AbortSignal): Promise<Message | undefined>;
  size(): number;
  close(): void;
}

type Limits = Pick<MqttOptions, "maxTopics" | "maxPayloadBytes" | "lingerMs">;

export function createTopics(limits: Limits, clock: Clock, onForgotten: (topic: string) => void): Topics {
  const topics = new Map<string, Topic>();

  function add(topic: string): Topic {
    if (topics.size >= limits.maxTopics) {
      throw new MqttError("TOO_MUCH", `${topics.size} topics of this broker are in use already`);
    }
    const added: Topic = {
      users: 0,
      qos: undefined,
      latest: undefined,
      waiting: new Set(),
      cancelLinger: () => undefined,
    };
    topics.set(topic, added);
    return added;
  }
  return {
    use: (topic, qos) => {
      const used = topics.get(topic) ?? add(topic);
      used.cancelLinger();
      used.users++;
      return used.qos === undefined || used.qos < qos;
    },
    subscribed: (topic, qos) => {
      const used = topics.get(topic);
      if (used) used.qos = qos;
    },
    leave: (topic) => {
      const used = topics.get(topic);
      if (!used || --used.users > 0) return;
      used.cancelLinger = clock.schedule(limits.lingerMs, () => {
        topics.delete(topic);
        onForgotten(topic);
      });
    },
    take: (topic, payload) => {
      const used = topics.get(topic);
      if (!used) return; // its last user has just gone
      const isTaken = payload.length <= limits.maxPayloadBytes;
      used.latest = { payload: isTaken ? payload : undefined, atMs: clock.monotonicMs() };
      for (const wake of used.waiting) wake();
    },
    latest: (topic) => topics.get(topic)?.latest,
    next: async (topic, timeoutMs, signal) => {
      const used = topics.get(topic);
      if (!used || signal.aborted) return undefined;
      await new Promise<void>((resolve) => {
        const end = (): void => {
          cancel();
          signal.removeEventListener("abort", end);
          used.waiting.delete(end);
          resolve();
        };
        const cancel = clock.schedule(timeoutMs, end);
        signal.addEventListener("abort", end, { once: true });
        used.waiting.add(end);
      });
      return used.latest;
    },
    size: () => topics.size,
    close: () => {
      for (const { cancelLinger } of topics.values()) cancelLinger();
      topics.clear();
    },
  };
}
