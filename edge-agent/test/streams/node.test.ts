// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import type { ReadRequest } from "@longshore/crds/stream";
import { text } from "node:stream/consumers";
import { Counter, Registry } from "prom-client";
import type { Cri } from "../../src/cri/index.ts";
import { createNodeStreams } from "../../src/streams/index.ts";
import { podOf, silent } from "../pods/fakes.ts";
import { fakeClock } from "../tunnel/fakes.ts";

const WEB = podOf("web", { containers: [{ name: "main", image: "i" }] });

let runtime: Cri | undefined;
afterEach(() => {
  runtime = undefined;
});

function makeNode(registry = new Registry()): (what: ReadRequest["what"]) => Promise<string> {
  const opener = createNodeStreams({
    cri: () => runtime,
    pods: { list: () => [{ pod: WEB, status: { phase: "Pending" } }], get: () => undefined },
    nodeName: "edge-1",
    options: {
      rootDir: "/nonexistent",
      podLogsDir: "/nonexistent",
      cgroupParent: "/nonexistent",
      cgroupDriver: "cgroupfs",
      sandboxImage: "",
    },
    clock: fakeClock(),
    log: silent,
    registry,
  });
  return async (what) => await text((await opener.open({ verb: "read", what })).stream);
}

describe("a node without a container runtime", () => {
  it("tells its pods and its metrics, and why it does not tell the rest", async () => {
    const read = makeNode();
    expect(JSON.parse(await read("pods"))).toMatchObject({ items: [{ status: { phase: "Pending" } }] });
    expect(await read("metrics")).toContain("longshore_edge_streams 1");
    expect(await read("metrics/resource")).toContain("node_cpu_usage_seconds_total");
    const why = { code: "INTERNAL", message: expect.stringContaining("runtime of this node is not there") };
    await expect(read("healthz")).rejects.toMatchObject(why);
    await expect(read("stats/summary")).rejects.toMatchObject(why);
  });
  it("asks the one that is there when it is asked again", async () => {
    const read = makeNode();
    await expect(read("healthz")).rejects.toThrow("not there");
    runtime = { version: () => Promise.resolve({}) } as unknown as Cri;
    expect(await read("healthz")).toBe("ok");
  });
});

it("a reader that could not be made is made when it is asked for again", async () => {
  const registry = new Registry();
  const name = "longshore_edge_stats_errors_total";
  new Counter({ name, help: "in the way", registers: [registry] });
  const read = makeNode(registry);
  await expect(read("pods")).rejects.toThrow("the node failed");
  registry.removeSingleMetric(name);
  expect(await read("pods")).toContain("PodList");
});
