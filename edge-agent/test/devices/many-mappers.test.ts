// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { MAPPER_BUCKET } from "../../src/devices/to-mapper/journal.ts";
import { device, model } from "./support/objects.ts";
import { startRoom, type Bench } from "./support/room.ts";

const stops: (() => unknown)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function room(): Promise<Bench> {
  const bench = await startRoom({ options: { maxMappers: 3 } });
  stops.push(() => bench.stop());
  bench.store.put(model());
  bench.store.put(device());
  return bench;
}

const protocolsOf = ({ records }: Bench): string[] =>
  records
    .list(MAPPER_BUCKET)
    .map(([protocol]) => protocol)
    .sort();

describe("mappers of more protocols than the node takes", () => {
  it("B123 take no place for good: one that serves nothing makes room, also on disk", async () => {
    const bench = await room();
    for (const protocol of ["a", "b", "c", "d"]) await bench.register({ protocol });
    await bench.register();
    expect(protocolsOf(bench)).toEqual(["c", "d", "thermo"]);
    expect(await bench.metric("longshore_edge_mappers", {})).toBe(3);
  });

  it("B123 never take the place of one that serves a device", async () => {
    const bench = await room();
    await bench.register();
    for (const protocol of ["a", "b", "c", "d"]) await bench.register({ protocol });
    expect(protocolsOf(bench)).toEqual(["c", "d", "thermo"]);
    const spec = (protocolName: string) => ({ protocol: { protocolName } });
    bench.store.put(device("1", { name: "d2", spec: spec("c") }));
    bench.store.put(device("1", { name: "d3", spec: spec("d") }));
    await expect(bench.register({ protocol: "e" })).rejects.toThrow("mappers of 3 protocols");
  });

  it("make no room while they register", async () => {
    const bench = await room();
    const all = ["a", "b", "c", "d"].map((protocol) => bench.register({ protocol }));
    const results = await Promise.allSettled(all);
    expect(protocolsOf(bench)).toHaveLength(3);
    expect(results.filter(({ status }) => status === "fulfilled").length).toBeGreaterThanOrEqual(3);
  });
});
