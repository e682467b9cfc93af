// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { DeliveryError } from "../../src/delivery/errors.ts";
import type { NodeStanding } from "../../src/delivery/outbox.ts";
import { createMover } from "../../src/device/mover.ts";
import { createMoves, type Moves } from "../../src/device/moves.ts";
import { trimDevice, type TrimmedDevice } from "../../src/device/transform.ts";
import { silentLog, type ReconcileContext } from "../../src/runtime/index.ts";
import { device } from "./builders.ts";

const HOLD_MS = 10_000;
const on = (node: string | undefined, rv = "1"): TrimmedDevice =>
  trimDevice(device("d", { ...(node !== undefined && { node }), meta: { resourceVersion: rv } }));
const NAME = { namespace: "ns", name: "d" };

let nowMs: number;
let begun: string[];
let edgeNodes: Set<string>;
let moves: Moves;
const movesWith = (holdMs: number): Moves =>
  createMoves({
    ...{ holdMs, nowMs: () => nowMs, isEdgeNode: (node) => edgeNodes.has(node) },
    begun: ({ metadata }) => begun.push(metadata.name),
  });
beforeEach(() => {
  nowMs = 1_000;
  begun = [];
  edgeNodes = new Set(["n1", "n2", "n3"]);
  moves = movesWith(HOLD_MS);
});
const move = (from: string | undefined, to: string | undefined): void =>
  moves.note({ type: "update", old: on(from), object: on(to) });

describe("A16 a device that moves", () => {
  it("is held back from its new node until somebody ends it, or the time is over", () => {
    move("n1", "n2");
    expect([moves.isHeld(on("n2")), begun]).toEqual([true, ["d"]]);
    expect(moves.get(NAME)).toMatchObject({ from: "n1", uid: "uid-d", untilMs: 11_000 });
    nowMs += HOLD_MS - 1;
    expect(moves.isHeld(on("n2"))).toBe(true);
    nowMs += 1;
    expect(moves.isHeld(on("n2"))).toBe(false);
    moves.end(NAME);
    expect(moves.size).toBe(0);
  });

  it.each([
    { when: "its node did not change", from: "n1", to: "n1" },
    { when: "it comes from no node", from: undefined, to: "n2" },
    { when: "the old one is not an edge node", from: "cloud", to: "n2" },
  ])("is not held when $when", ({ from, to }) => {
    move(from, to);
    expect([moves.isHeld(on(to)), begun]).toEqual([false, []]);
  });

  it("is not held where that is turned off", () => {
    moves = movesWith(0);
    move("n1", "n2");
    expect(moves.isHeld(on("n2"))).toBe(false);
  });

  it("waits for the first node when it moves on before it came to the second", () => {
    move("n1", "n2");
    nowMs += 100;
    move("n2", "n3");
    expect(moves.get(NAME)).toMatchObject({ from: "n1", untilMs: 11_000 });
    expect(moves.isHeld(on("n3"))).toBe(true);
  });

  it("waits for the second node when it moves on after the time was over", () => {
    move("n1", "n2");
    nowMs += HOLD_MS;
    move("n2", "n3");
    expect(moves.get(NAME)).toMatchObject({ from: "n2" });
  });

  it("waits for the first node also when it was on none in between", () => {
    move("n1", undefined);
    move(undefined, "n2");
    expect(moves.isHeld(on("n2"))).toBe(true);
  });

  it("is not held any more when it is back", () => {
    move("n1", "n2");
    move("n2", "n1");
    expect([moves.isHeld(on("n1")), moves.size]).toEqual([false, 0]);
  });

  it("is forgotten with the device, and where nobody ends it", () => {
    move("n1", "n2");
    moves.note({ type: "delete", object: on("n2"), stateUnknown: false });
    expect(moves.size).toBe(0);
    move("n1", "n2");
    nowMs += HOLD_MS + 60_001;
    expect(moves.get(NAME)).toBeUndefined();
    const other = trimDevice(device("e", { node: "n2" }));
    moves.note({ type: "update", old: trimDevice(device("e", { node: "n1" })), object: other });
    expect(moves.size).toBe(1);
  });
});

describe("A16 the end of a move", () => {
  let standing: NodeStanding | Error;
  let asked: string[];
  let placed: number;
  let registry: Registry;
  let reconcile: () => Promise<{ readonly requeueAfterMs?: number }>;
  const gone: NodeStanding = { isConnected: true, isEstablished: true, objects: [{ isPending: false }] };
  const acked = { uid: "uid-d", resourceVersion: "1", digest: "x" };

  beforeEach(() => {
    asked = [];
    placed = 0;
    standing = gone;
    registry = new Registry();
    const run = createMover({
      ...{ moves, registry, nowMs: () => nowMs, isEdgeNode: (node) => edgeNodes.has(node) },
      place: () => placed++,
      outbox: {
        standing(node, scope, [object]) {
          asked.push(`${node} ${scope} ${object?.kind}/${object?.namespace}/${object?.name}#${object?.uid}`);
          return standing instanceof Error ? Promise.reject(standing) : Promise.resolve(standing);
        },
      },
    });
    const context = { log: silentLog, signal: new AbortController().signal } as unknown as ReconcileContext;
    reconcile = () => run(NAME, context);
    move("n1", "n2");
  });
  const ends = async (): Promise<object> => {
    const metric = await registry.getSingleMetric("longshore_device_moves_total")?.get();
    return Object.fromEntries(
      (metric?.values ?? []).filter((v) => v.value > 0).map((v) => [v.labels["end"], v.value]),
    ) as object;
  };

  it("is when the old node has confirmed: the new one is placed", async () => {
    expect(await reconcile()).toEqual({});
    expect(asked).toEqual(["n1 device device/ns/d#uid-d"]);
    expect([placed, moves.size, await ends()]).toEqual([1, 0, { confirmed: 1 }]);
  });

  it.each<{ when: string; answer: NodeStanding | Error }>([
    { when: "the old node holds it", answer: { ...gone, objects: [{ isPending: false, acked }] } },
    { when: "its removal is not confirmed", answer: { ...gone, objects: [{ isPending: true }] } },
    { when: "nothing is known of the old node", answer: { ...gone, isEstablished: false } },
    { when: "the old node is away", answer: { ...gone, isConnected: false, objects: [{ isPending: true }] } },
    { when: "Redis is away", answer: new DeliveryError("UNAVAILABLE", "away") },
  ])(
    "is not yet when $when: it asks again, and after the time places it all the same",
    async ({ answer }) => {
      standing = answer;
      for (let guard = 0; moves.size > 0 && guard < 100; guard++) {
        const { requeueAfterMs = 0 } = await reconcile();
        nowMs += requeueAfterMs;
      }
      expect(nowMs - 1_000).toBe(HOLD_MS);
      expect(asked.length).toBeGreaterThan(5);
      expect(asked.length).toBeLessThan(30);
      expect([placed, await ends()]).toEqual([1, { timeout: 1 }]);
    },
  );

  it("is when another object of the name is on the old node", async () => {
    standing = { ...gone, objects: [{ isPending: false, acked: { ...acked, uid: "another" } }] };
    await reconcile();
    expect(await ends()).toEqual({ confirmed: 1 });
  });

  it("is when the old node is gone, without a question", async () => {
    edgeNodes.delete("n1");
    await reconcile();
    expect([asked, placed, await ends()]).toEqual([[], 1, { node_gone: 1 }]);
  });

  it("places the node also of a move that is known no more", async () => {
    moves.end(NAME);
    expect(await reconcile()).toEqual({});
    expect([asked, placed]).toEqual([[], 1]);
  });

  it("is retried when delivery refuses for good", async () => {
    standing = new DeliveryError("LIMIT", "no");
    await expect(reconcile()).rejects.toThrow("no");
    expect(moves.size).toBe(1);
  });
});
