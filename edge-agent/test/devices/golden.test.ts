// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import * as dmi from "@longshore/crds/dmi";
import { readFileSync } from "node:fs";
import { until } from "../tunnel/fakes.ts";
import { FakeMapper, plain } from "./support/fake-mapper.ts";
import { device, model } from "./support/objects.ts";
import { startRoom, type Bench } from "./support/room.ts";

interface Line {
  readonly dir: string;
  readonly method: string;
  readonly request_base64: string;
  readonly response_base64: string;
}

/** Calls between a real EdgeCore and a real Go mapper. */
function recorded(file: string): Line[] {
  const text = readFileSync(new URL(`../../../crds/test/golden/${file}`, import.meta.url), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

type Decoder = { decode(bytes: Uint8Array): unknown };
const requestOf = ({ method, request_base64 }: Line): unknown =>
  plain(
    (dmi as unknown as Record<string, Decoder>)[`${method}Request`]?.decode(
      Buffer.from(request_base64, "base64"),
    ),
  );

const spec3000 = { stateReport: { reportToCloud: true, reportCycle: 3000 } };

let bench: Bench;
let mapper: FakeMapper;

beforeEach(async () => {
  bench = await startRoom();
  mapper = new FakeMapper(bench.mapperPath);
});

afterEach(async () => {
  mapper.die();
  await bench.stop();
});

const registerAsRecorded = async (lines: Line[]): Promise<dmi.MapperRegisterResponse> => {
  const line = lines.find(({ method }) => method === "MapperRegister");
  const bytes = Buffer.from(line?.request_base64 ?? "", "base64");
  const response = dmi.MapperRegisterResponse.decode(
    await bench.side.raw(dmi.DeviceManagerService.mapperRegister.path, bytes),
  );
  mapper.adopt(response);
  await mapper.listen();
  return response;
};

/** What the cloud does in both recordings after the device is there, each step once the mapper has seen the last. */
const changeAndRemove = async (): Promise<void> => {
  const steps: [() => void, string][] = [
    [() => bench.store.put(device("25")), "UpdateDevice d1"],
    [() => bench.store.put(device("30", { spec: spec3000 })), "UpdateDevice d1"],
    [() => bench.store.put(model("m", "120")), "UpdateDeviceModel m"],
    // The model goes by itself, for nothing uses it any more.
    [() => bench.store.remove("device/default/d1"), "RemoveDeviceModel m"],
  ];
  for (const [change, call] of steps) {
    const before = mapper.methods().filter((seen) => seen === call).length;
    change();
    await until(() => mapper.methods().filter((seen) => seen === call).length === before + 1, call);
  }
};

describe("what a mapper is told", () => {
  it("equals EdgeCore's calls, byte by byte of each value, when the mapper is there first", async () => {
    const lines = recorded("dmi_mapper_first.jsonl");
    const response = await registerAsRecorded(lines);
    expect(response).toEqual({ modelList: [], deviceList: [] });
    bench.store.put(model());
    bench.store.put(device());
    await until(() => mapper.devices.has("d1"), "the device at the mapper");
    await changeAndRemove();
    const golden = lines.filter(({ dir }) => dir === "edge->mapper");
    expect(mapper.calls.map(({ method }) => method)).toEqual(golden.map(({ method }) => method));
    expect(mapper.calls.map(({ request }) => plain(request))).toEqual(golden.map(requestOf));
  });

  it("equals EdgeCore's answer and calls when the device is there first", async () => {
    const lines = recorded("dmi_mapper_late.jsonl");
    bench.store.put(device());
    bench.store.put(model());
    const response = await registerAsRecorded(lines);
    const golden = dmi.MapperRegisterResponse.decode(Buffer.from(lines[0]?.response_base64 ?? "", "base64"));
    expect(plain(response)).toEqual(plain(golden));
    await changeAndRemove();
    const calls = lines.filter(({ dir }) => dir === "edge->mapper");
    expect(mapper.calls.map(({ request }) => plain(request))).toEqual(calls.map(requestOf));
  });

  it("takes every report of the recordings and sends the first of a property up", async () => {
    const lines = recorded("dmi_mapper_first.jsonl");
    bench.store.put(model());
    bench.store.put(device());
    for (const { dir, method, request_base64 } of lines) {
      if (dir !== "mapper->edge" || !method.startsWith("Report")) continue;
      const path = `/v1beta1.DeviceManagerService/${method}`;
      expect(await bench.side.raw(path, Buffer.from(request_base64, "base64"))).toHaveLength(0);
    }
    const valueOf = (content: unknown): unknown =>
      (content as { twin?: { temperature?: { actual?: { value?: string } } } }).twin?.temperature?.actual
        ?.value;
    const twins = () =>
      bench.cloud.requests.filter((r) => r.resource === "device/default/d1/twin/edge_updated");
    await until(() => valueOf(twins().at(-1)?.content) === "28", "the last value at the cloud");
    expect(valueOf(twins()[0]?.content)).toBe("22");
  });
});
