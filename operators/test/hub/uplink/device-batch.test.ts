// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import type { BatchResult, DeviceEntry } from "@longshore/crds/wire";
import { DEVICE_STATUSES, DEVICES } from "../../../src/hub/uplink/kinds.ts";
import type { KubeObject } from "../../../src/runtime/client.ts";
import { createFakeClock, type FakeClock } from "../../runtime/fake-clock.ts";
import { uplinkBench } from "./bench.ts";
import { apiError } from "./fake-client.ts";

interface Status extends KubeObject {
  readonly status?: {
    readonly twins?: { propertyName: string; reported?: { value: string } }[];
    state?: string;
  };
}

let clock: FakeClock;
let bench: ReturnType<typeof uplinkBench>;
const idle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => start());
function start(negotiated = true): void {
  clock = createFakeClock();
  bench = uplinkBench({ negotiated, clock, devices: { answerMs: 2_000, writesPerSecond: 10, burst: 5 } });
  for (const name of ["d1", "d2", "d3"]) put(name, "edge-1");
  put("theirs", "edge-2");
}
const put = (name: string, nodeName: string, uid = `uid-${name}`): KubeObject =>
  bench.client.put(DEVICES, {
    metadata: { name, namespace: "default", uid },
    spec: { nodeName, protocol: { protocolName: "modbus" } },
  });
const entry = (name: string, value: string, over: Partial<DeviceEntry> = {}): DeviceEntry => ({
  ...{ device: `default/${name}`, uid: `uid-${name}`, twins: [["t", "int", [value, 1], null]] },
  ...over,
});
async function send(devices: readonly unknown[]): Promise<string> {
  const frame = bench.frame("update", "devices/batch", { sentMs: clock.wallMs(), devices });
  await bench.handle(frame);
  await idle();
  return frame.header.msg_id;
}
const answerTo = (id: string) => bench.sent.find(({ header }) => header.parent_msg_id === id);
const results = (id: string): BatchResult[] | undefined =>
  (answerTo(id)?.content as { results: BatchResult[] } | undefined)?.results;
const codes = (id: string): string[] | undefined => results(id)?.map(([code]) => code);
const statusOf = (name: string): Status["status"] =>
  (bench.client.find(DEVICE_STATUSES, { namespace: "default", name }) as Status | undefined)?.status;
const valueOf = (name: string): string | undefined => statusOf(name)?.twins?.[0]?.reported?.value;

describe("a batch of reports", () => {
  it("is written device by device, and answered once, with a result for each", async () => {
    const state = { state: "offline", reason: "MapperHung", message: "no answer", mapper: "m" };
    const id = await send([entry("d1", "1"), entry("d2", "2", { state })]);
    expect(results(id)).toEqual([["OK"], ["OK"]]);
    expect(answerTo(id)?.route).toMatchObject({ operation: "response", group: "twin" });
    expect([valueOf("d1"), valueOf("d2")]).toEqual(["1", "2"]);
    expect(statusOf("d2")).toMatchObject({
      ...state,
      ...{ nodeName: "edge-1", protocol: "modbus" },
      conditions: [{ type: "Online", status: "False", reason: "MapperHung", message: "no answer" }],
    });
  });

  it("says of each device why it is refused, and takes nothing from the others for it", async () => {
    put("d3", "edge-1", "newer");
    const id = await send([
      entry("theirs", "1"),
      { device: "default/d1" },
      entry("d1", "1"),
      entry("nobodys", "1"),
      entry("d3", "1"),
    ]);
    expect(codes(id)).toEqual(["FORBIDDEN", "BAD", "OK", "FORBIDDEN", "STALE_UID"]);
    expect([valueOf("d1"), valueOf("theirs"), valueOf("d3")]).toEqual(["1", undefined, undefined]);
    expect(await bench.rejects()).toEqual({ FORBIDDEN: 2, BAD: 1, STALE_UID: 1 });
    const logged = bench.lines.filter(({ message }) => message === "uplink frame refused");
    // One line for each reason, with the first device that it is about.
    const lines = logged.map(({ fields }) => fields as { reason: string; name: string });
    expect(lines.map(({ reason, name }) => `${reason} ${name}`).toSorted()).toEqual([
      "BAD ",
      "FORBIDDEN theirs",
      "STALE_UID d3",
    ]);
    const told = results(id)?.filter(([code]) => code === "FORBIDDEN");
    expect(new Set(told?.map(([, text]) => text)).size).toBe(1); // whether it exists is nobody's business
  });

  it("is not confirmed while it is not written, and says so before the edge loses its patience", async () => {
    let open = (): void => undefined;
    bench.client.gate = new Promise((resolve) => (open = resolve));
    const id = await send([entry("d1", "1"), entry("d2", "1")]);
    clock.advance(1_999);
    expect(answerTo(id)).toBeUndefined();
    clock.advance(1);
    expect(codes(id)).toEqual(["WAITING", "WAITING"]);
    const newer = await send([entry("d1", "2"), entry("d2", "2")]);
    open();
    for (let i = 0; i < 10; i++) await idle();
    expect(codes(newer)).toEqual(["OK", "OK"]);
    expect([valueOf("d1"), valueOf("d2")]).toEqual(["2", "2"]);
    expect(bench.sent).toHaveLength(2);
  });

  it("waits for its turn: so many writes a second, each with the newest that came meanwhile", async () => {
    for (let i = 0; i < 20; i++) put(`m${i}`, "edge-1");
    const names = Array.from({ length: 20 }, (_, i) => `m${i}`);
    await send(names.map((name) => entry(name, "1")));
    const last = await send(names.map((name) => entry(name, "2")));
    const written = (): (string | undefined)[] => names.map(valueOf).filter((value) => value !== undefined);
    expect(written()).toHaveLength(5);
    for (let i = 0; i < 150; i++) {
      clock.advance(100);
      await idle();
    }
    expect(new Set(names.map(valueOf))).toEqual(new Set(["2"]));
    expect(codes(last)?.every((code) => code === "OK" || code === "WAITING")).toBe(true);
    const writes = bench.client.calls.filter(
      ({ verb, plural }) => plural === "devicestatuses" && verb !== "get",
    );
    expect(writes.length).toBeLessThanOrEqual(25); // the five that were at work twice, each other device once
  });

  it("fails for now where the API server does, and for good where the values are refused", async () => {
    bench.client.failures = Array.from({ length: 5 }, () => apiError(403, "Forbidden"));
    const passing = await send([entry("d1", "1")]);
    expect(codes(passing)).toEqual(["LATER"]);
    bench.client.failures = [];
    await send([entry("d1", "1")]);
    bench.client.failures = [apiError(422, "Invalid")];
    expect(codes(await send([entry("d1", "2")]))).toEqual(["BAD"]);
    expect(valueOf("d1")).toBe("1");
  });

  it.each([
    { what: "no batch", content: "x", negotiated: true, told: "BadRequest" },
    {
      what: "one of a session that did not agree on it",
      content: {},
      negotiated: false,
      told: "MethodNotAllowed",
    },
  ])("is refused whole: $what", async ({ content, negotiated, told }) => {
    start(negotiated);
    const frame = bench.frame("update", "devices/batch", content);
    await bench.handle(frame);
    expect(answerTo(frame.header.msg_id)).toMatchObject({ route: { operation: "error" } });
    expect(answerTo(frame.header.msg_id)?.content).toContain(told);
  });

  it("of a device that moved away is refused once the grant is over", async () => {
    expect(codes(await send([entry("d1", "1")]))).toEqual(["OK"]);
    put("d1", "edge-2");
    clock.advance(10_000);
    expect(codes(await send([entry("d1", "2", { twins: [["t", "int", ["2", 2], null]] })]))).toEqual([
      "FORBIDDEN",
    ]);
    expect(valueOf("d1")).toBe("1");
  });
});
