// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import * as dmi from "@longshore/crds/dmi";
import type { UplinkRequest } from "../../src/tunnel/port.ts";
import { fakeClock, until } from "../tunnel/fakes.ts";
import { FakeCloud } from "./support/fake-cloud.ts";
import { FakeMapper, plain } from "./support/fake-mapper.ts";
import { goldenHex, recorded, type GoldenCall } from "./support/golden.ts";
import { device, model } from "./support/objects.ts";
import { startRoom, type Bench } from "./support/room.ts";

type Decoder = { decode(bytes: Uint8Array): unknown };
const requestOf = ({ method, request_base64 }: GoldenCall): unknown =>
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

/** The recorded registration, byte by byte; the answer, byte by byte. */
const registerAsRecorded = async (lines: GoldenCall[]): Promise<Buffer> => {
  const line = lines.find(({ method }) => method === "MapperRegister");
  const bytes = Buffer.from(line?.request_base64 ?? "", "base64");
  const answer = await bench.side.raw(dmi.DeviceManagerService.mapperRegister.path, bytes);
  expect(answer.toString("hex")).toBe(goldenHex("MapperRegisterResponse", line?.response_base64 ?? ""));
  mapper.adopt(dmi.MapperRegisterResponse.decode(answer));
  await mapper.listen();
  return answer;
};

/** The mapper got the recorded calls: the same, in the same order, with the same bytes. */
const expectRecordedCalls = (lines: GoldenCall[]): void => {
  const golden = lines.filter(({ dir }) => dir === "edge->mapper");
  expect(mapper.calls.map(({ method }) => method)).toEqual(golden.map(({ method }) => method));
  // First as JSON, for a difference that one can read.
  expect(mapper.calls.map(({ request }) => plain(request))).toEqual(golden.map(requestOf));
  expect(mapper.calls.map(({ method, bytes }) => [method, bytes.toString("hex")])).toEqual(
    golden.map(({ method, request_base64 }) => [method, goldenHex(`${method}Request`, request_base64)]),
  );
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
  it("equals EdgeCore's calls, byte by byte, when the mapper is there first", async () => {
    const lines = recorded("dmi_mapper_first.jsonl");
    expect(await registerAsRecorded(lines)).toHaveLength(0);
    bench.store.put(model());
    bench.store.put(device());
    await until(() => mapper.devices.has("d1"), "the device at the mapper");
    await changeAndRemove();
    expectRecordedCalls(lines);
  });

  it("equals EdgeCore's answer and calls, byte by byte, when the device is there first", async () => {
    const lines = recorded("dmi_mapper_late.jsonl");
    bench.store.put(device());
    bench.store.put(model());
    const { deviceList, modelList } = dmi.MapperRegisterResponse.decode(await registerAsRecorded(lines));
    expect([deviceList, modelList].map(([only]) => only?.name)).toEqual(["d1", "m"]);
    await changeAndRemove();
    expectRecordedCalls(lines);
  });
});

const START_MS = Date.UTC(2026, 0, 1);

/** The report as it must reach the cloud (wire format, section 7.3), its JSON string opened. */
function expectedFrame(line: GoldenCall): object {
  const timestamp = START_MS + line.t_ms;
  const event = { event_id: expect.stringMatching(/./) as unknown, timestamp };
  const route = { source: "twin", group: "resource", operation: "update" };
  if (line.method === "ReportDeviceStates") {
    const { state } = requestOf(line) as { state: string };
    const lastOnlineTime = `${new Date(timestamp).toISOString().slice(0, 19)}Z`;
    const content = { ...event, device: { name: "d1", state, lastOnlineTime } };
    return { ...route, resource: "device/default/d1/state/update", content };
  }
  const { reportedDevice } = requestOf(line) as dmi.ReportDeviceStatusRequest;
  const twin = reportedDevice?.twins.map(({ propertyName, observedDesired, reported }) => [
    propertyName,
    {
      actual: { value: reported?.value, metadata: { timestamp } },
      expected: { value: observedDesired?.value, metadata: { timestamp } },
      optional: false,
      metadata: { type: "int" },
    },
  ]);
  const content = { ...event, twin: Object.fromEntries(twin ?? []) as unknown };
  return { ...route, resource: "device/default/d1/twin/edge_updated", content };
}

const opened = ({ content, ...rest }: UplinkRequest): object => ({
  ...rest,
  content: typeof content === "string" ? (JSON.parse(content) as unknown) : content,
});

describe("what a mapper reports", () => {
  it.each([
    { file: "dmi_mapper_first.jsonl", states: 4, twins: 4 },
    { file: "dmi_mapper_late.jsonl", states: 4, twins: 4 },
  ])("each of $file reaches the cloud in its frame, in its order", async ({ file, states, twins }) => {
    const clock = fakeClock(START_MS);
    const cloud = new FakeCloud();
    const own = await startRoom({ clock, cloud, options: { gatherMs: 1 } });
    try {
      own.store.put(model());
      own.store.put(device());
      clock.advance(1);
      const ownFrames = () => cloud.requests.filter(({ resource }) => resource.startsWith("device/"));
      await until(() => ownFrames().length === 1, "that nobody serves the device");
      expect(ownFrames().map(opened)).toMatchObject([{ content: { device: { state: "unknown" } } }]);
      cloud.requests.length = 0;
      const reports = recorded(file).filter(({ method }) => method.startsWith("Report"));
      for (const [i, { t_ms, method, request_base64 }] of reports.entries()) {
        clock.advance(START_MS + t_ms - clock.nowMs());
        const path = `/v1beta1.DeviceManagerService/${method}`;
        // EdgeCore's recorded answer to each is empty.
        expect(await own.side.raw(path, Buffer.from(request_base64, "base64"))).toHaveLength(0);
        await until(() => ownFrames().length === i + 1, `the frame of report ${i}`);
      }
      expect(ownFrames().map(opened)).toEqual(reports.map(expectedFrame));
      const count = (end: string) => ownFrames().filter(({ resource }) => resource.endsWith(end)).length;
      expect([count("/state/update"), count("/twin/edge_updated")]).toEqual([states, twins]);
      for (const { resource, content } of ownFrames()) {
        expect(typeof content).toBe(resource.endsWith("/state/update") ? "string" : "object");
      }
    } finally {
      await own.stop();
    }
  });
});
