// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/clock.ts";
import { openMapperTokens } from "../../src/dmi/index.ts";
import { fakeLog, until } from "../tunnel/fakes.ts";
import { startGoMapper, type GoMapper, type GoMapperOptions } from "./support/go-mapper.ts";
import { device, model } from "./support/objects.ts";
import { startRoom, type Bench } from "./support/room.ts";

const WAIT_MS = 30_000;
let bench: Bench;
let mappers: GoMapper[] = [];

beforeEach(async () => {
  bench = await startRoom({ options: { probeMs: 50, unreachableAfterMs: 200 } });
});

afterEach(async () => {
  await Promise.all(mappers.map((mapper) => mapper.kill()));
  mappers = [];
  await bench.stop();
});

function start(options: Pick<GoMapperOptions, "module"> & Partial<GoMapperOptions>): GoMapper {
  const mapper = startGoMapper({ agent: bench.socketPath, socket: bench.mapperPath, ...options });
  mappers.push(mapper);
  return mapper;
}

const contentsOf = (end: string): string[] =>
  bench.cloud.requests
    .filter(({ resource }) => resource.endsWith(end))
    .map(({ content }) => (typeof content === "string" ? content : JSON.stringify(content)));
const states = (): string[] =>
  contentsOf("d1/state/update").map(
    (text) => (JSON.parse(text) as { device: { state: string } }).device.state,
  );
const reported = (value: string): boolean =>
  contentsOf("twin/edge_updated").some((text) => text.includes(`"actual":{"value":"${value}"`));
const toldOf = (mapper: GoMapper, event: string): string =>
  JSON.stringify(mapper.lines.filter((line) => line.event === event));

describe("a mapper on grpc-go", () => {
  it.each([
    { module: "go-mapper", dial: "path" as const },
    { module: "go-mapper", dial: "unix" as const },
    { module: "go-mapper-1.56", dial: "path" as const },
    { module: "go-mapper-1.56", dial: "unix" as const },
  ])("$module that dials by $dial registers, is told all, and reports", async ({ module, dial }) => {
    bench.store.put(model());
    bench.store.put(device("20"));
    const mapper = start({ module, dial });
    await until(() => mapper.events().includes("registered"), "the registration", WAIT_MS);
    expect(toldOf(mapper, "registered")).toContain('"minimum":"-40"');
    expect(toldOf(mapper, "registered")).toContain(
      '"host":{"@type":"type.googleapis.com/google.protobuf.StringValue"',
    );
    await until(() => reported("20") && states().includes("ok"), "its reports", WAIT_MS);
    bench.store.put(device("25"));
    await until(() => reported("25"), "the new desired value, told and reported", WAIT_MS);
    expect(mapper.events()).not.toContain("refused");
    bench.store.put(device("1", { name: "d2" }));
    bench.store.remove("device/default/d1");
    await until(() => toldOf(mapper, "RemoveDevice").includes("d1"), "the removal", WAIT_MS);
    await until(() => toldOf(mapper, "RegisterDevice").includes("d2"), "the other device", WAIT_MS);
  });

  it.each(["go-mapper", "go-mapper-1.56"])("%s can ask the agent for the interface", async (module) => {
    bench.store.put(model());
    bench.store.put(device("20"));
    const mapper = start({ module, isReflecting: true });
    await until(() => reported("20"), "its reports", WAIT_MS);
    expect(mapper.lines[0]).toEqual({
      event: "services",
      details: {
        service: [
          { name: "v1beta1.DeviceManagerService" },
          { name: "grpc.reflection.v1.ServerReflection" },
          { name: "grpc.reflection.v1alpha.ServerReflection" },
        ],
      },
    });
  });

  it("B124 without a token is refused in strict mode, and taken with the one that was made for it", async () => {
    await bench.stop();
    const folder = join(bench.dir, "tokens");
    const tokens = openMapperTokens({ folder, max: 8 }, { clock: systemClock, log: fakeLog() });
    bench = await bench.restart({ callers: { security: "strict", tokens } });
    bench.store.put(model());
    bench.store.put(device("20"));
    const refused = start({ module: "go-mapper" });
    await until(() => refused.events().includes("failed"), "the refusal", WAIT_MS);
    expect(toldOf(refused, "failed")).toContain("Unauthenticated");
    const token = readFileSync(join(folder, "go-mapper"), "utf8").trim();
    start({ module: "go-mapper", token });
    await until(() => reported("20") && states().at(-1) === "ok", "its reports", WAIT_MS);
  });

  it("that stands still is told what changed meanwhile, once it goes on", async () => {
    await bench.stop();
    bench = await bench.restart({ callTimeoutMs: 300 });
    bench.store.put(model());
    bench.store.put(device("20"));
    const mapper = start({ module: "go-mapper" });
    await until(() => states().at(-1) === "ok", "its state", WAIT_MS);
    mapper.signal("SIGSTOP");
    bench.store.put(device("25"));
    await until(() => states().at(-1) === "unhealthy", "that it does not answer", WAIT_MS);
    mapper.signal("SIGCONT");
    await until(() => reported("25") && states().at(-1) === "ok", "the new value", WAIT_MS);
  });

  it("that dies makes its devices offline, and its next process says what they are", async () => {
    bench.store.put(model());
    bench.store.put(device("20"));
    const first = start({ module: "go-mapper" });
    await until(() => states().at(-1) === "ok", "its state", WAIT_MS);
    await first.kill();
    await until(() => states().at(-1) === "offline", "that it is away", WAIT_MS);
    expect(bench.lines.join()).toContain("MapperUnreachable");
    start({ module: "go-mapper" });
    await until(() => states().at(-1) === "ok", "its state again", WAIT_MS);
  });
});
