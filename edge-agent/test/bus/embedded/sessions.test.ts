// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import {
  boundQueues,
  DEFAULT_SESSION_LIMITS,
  keepGranted,
  keepIds,
} from "../../../src/bus/embedded/sessions.ts";

const c1 = { id: "c1" };

describe("handshakes of QoS 2", () => {
  const fresh = (maxOpen: number): Parameters<typeof keepIds>[0] => {
    const never = (): never => {
      throw new Error("the broker's own would keep the message");
    };
    const store = {
      incomingStorePacket: never,
      incomingGetPacket: never,
      incomingDelPacket: never,
      cleanIncoming: never,
    };
    keepIds(store, maxOpen);
    return store;
  };

  it("are known by their ids, each until it ends", async () => {
    const store = fresh(4);
    await expect(store.incomingGetPacket(c1, { messageId: 1 })).rejects.toThrow();
    await store.incomingStorePacket(c1, { messageId: 1 });
    expect(await store.incomingGetPacket(c1, { messageId: 1 })).toBeTruthy();
    await expect(store.incomingGetPacket({ id: "c2" }, { messageId: 1 })).rejects.toThrow();
    await store.incomingDelPacket(c1, { messageId: 1 });
    await expect(store.incomingDelPacket(c1, { messageId: 1 })).rejects.toThrow();
  });

  it("are bounded over all connections of a session, and go with it", async () => {
    const store = fresh(2);
    await store.incomingStorePacket(c1, { messageId: 1 });
    await store.incomingStorePacket(c1, { messageId: 2 });
    await expect(store.incomingStorePacket(c1, { messageId: 3 })).rejects.toThrow();
    await store.cleanIncoming(c1);
    await store.incomingStorePacket(c1, { messageId: 3 });
    await expect(store.incomingGetPacket(c1, { messageId: 1 })).rejects.toThrow();
  });
});

it("a session keeps the filters that were granted, as they were", async () => {
  const kept: object[] = [];
  const store = {
    addSubscriptions: (_client: object, subs: readonly object[]): Promise<void> => {
      kept.push(...subs);
      return Promise.resolve();
    },
  };
  keepGranted(store, (sub) => (sub.topic === "mine" ? { topic: "mine" } : undefined));
  await store.addSubscriptions(c1, [{ topic: "mine" }, { topic: "other" }]);
  expect(kept).toEqual([{ topic: "mine" }]);
});

it("a reader whose queue is full is no reason for an error", async () => {
  const none = (): Promise<undefined> => Promise.resolve(undefined);
  const store = {
    outgoingUpdate: (...given: object[]): Promise<unknown> =>
      Promise.reject(new Error(`no such packet: ${given.length}`)),
    outgoingEnqueueCombi: none,
    outgoingClearMessageId: none,
  };
  boundQueues(store, DEFAULT_SESSION_LIMITS, () => undefined);
  await expect(store.outgoingUpdate(c1, {})).resolves.toBeUndefined();
});
