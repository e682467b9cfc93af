// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import {
  decodeFrame,
  DEVICE_BATCH_RESOURCE,
  formatResource,
  parseResource,
  type Frame,
} from "@longshore/crds/wire";
import { DEVICES, NODES, PODS } from "../../../src/hub/uplink/kinds.ts";
import { uplinkBench } from "./bench.ts";

const OPERATIONS = ["insert", "update", "delete", "query", "patch", "error", "__proto__"];

describe("every handler", () => {
  it("S16 survives every kind of JSON and answers each request at most once", async () => {
    const { types } = uplinkBench();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...types),
        fc.constantFrom(...OPERATIONS),
        fc.constantFrom("edge-1", "p", "x"),
        fc.oneof(fc.jsonValue({ maxDepth: 4 }), fc.json({ maxDepth: 4 }), likely),
        async (type, operation, name, content) => {
          const bench = uplinkBench();
          bench.client.put(PODS, { metadata: { name: "p", namespace: "ns" }, spec: { nodeName: "edge-1" } });
          bench.client.put(NODES, { metadata: { name: "edge-1" } });
          bench.client.put(DEVICES, {
            metadata: { name: "p", namespace: "ns" },
            spec: { nodeName: "edge-1" },
          });
          await bench.handle(bench.frame(operation, resourceOf(type, name), content));
          // what is merged goes on by itself
          await new Promise((resolve) => setImmediate(resolve));
          expect(bench.sent.filter(({ header }) => header.parent_msg_id === "m1").length).toBeLessThanOrEqual(
            1,
          );
          expect(await bench.rejected("INTERNAL")).toBe(0);
        },
      ),
      { numRuns: 1500 },
    );
  });
});

const resourceOf = (type: string, name: string): string =>
  type === DEVICE_BATCH_RESOURCE ? type : formatResource({ namespace: "ns", type, name });

const part = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constant({ uid: 1 }), fc.constant("x"));
const likely = fc.record(
  {
    metadata: part,
    spec: part,
    status: part,
    Status: part,
    event: part,
    patchData: part,
    preconditions: part,
    twin: fc.dictionary(fc.string(), part),
    device: part,
  },
  { requiredKeys: [] },
);

describe("what a real EdgeCore sent", () => {
  const folder = new URL("../../../../crds/test/golden/", import.meta.url);
  const frames = ["first_join", "pod_create", "pod_delete", "secret_pod", "idle_60s"].flatMap((file) =>
    readFileSync(new URL(`${file}.jsonl`, folder), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { dir: string; msg?: unknown })
      .flatMap(({ dir, msg }) =>
        msg === undefined ? [] : [{ dir, frame: decodeFrame(JSON.stringify(msg)) }],
      ),
  );
  const bench = uplinkBench({ node: "edge-node" });
  const requests = new Set(
    frames
      .filter(
        ({ dir, frame }) =>
          dir === "up" &&
          frame.route.operation !== "response" &&
          bench.types.includes(parseResource(frame.route.resource ?? "").type) &&
          frame.route.operation !== "keepalive",
      )
      .map(({ frame }) => frame),
  );
  const recorded = new Map(frames.map(({ frame }) => [frame.header.parent_msg_id, frame]));
  const replyOf = (frame: Frame) => recorded.get(frame.header.msg_id);

  it("is answered with the same route and shape as CloudCore answered", async () => {
    expect(requests.size).toBeGreaterThan(25);
    bench.client.put({ ...PODS, plural: "secrets" }, { metadata: { name: "s2", namespace: "default" } });
    for (const { dir, frame } of frames) {
      if (dir === "down" && isPod(frame.content))
        bench.session.grants.podSent(bench.client.put(PODS, frame.content));
      if (!requests.has(frame)) continue;
      const before = bench.sent.length;
      await bench.handle(frame);
      const [reply, ...more] = bench.sent.slice(before);
      const golden = replyOf(frame);
      if (golden === undefined) continue;
      expect(more).toEqual([]);
      expect(reply?.header.parent_msg_id).toBe(frame.header.msg_id);
      expect(reply?.route).toEqual(golden.route);
      expect(shapeOf(reply?.content)).toEqual(shapeOf(golden.content));
    }
  });
});

const shapeOf = (content: unknown): unknown =>
  typeof content === "object" && content !== null ? ("Err" in content ? "ObjectResp" : "object") : content;

const isPod = (content: unknown): content is { metadata: { name: string; namespace: string } } =>
  typeof content === "object" && content !== null && "kind" in content && content.kind === "Pod";
