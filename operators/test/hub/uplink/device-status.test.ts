// SPDX-License-Identifier: Apache-2.0
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { beforeEach, describe, expect, it } from "@jest/globals";
import type { BatchResult } from "@longshore/crds/wire";
import { DEVICE_STATUSES, DEVICES } from "../../../src/hub/uplink/kinds.ts";
import type { KubeObject, ObjectName, Resource } from "../../../src/runtime/client.ts";
import { createFakeClock, type FakeClock } from "../../runtime/fake-clock.ts";
import { uplinkBench, type BenchOptions } from "./bench.ts";
import { apiError, FakeClient } from "./fake-client.ts";

interface Status extends KubeObject {
  readonly status?: { readonly state?: string };
}

const NAME = { namespace: "default", name: "d" };
const idle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** An API server whose memory is behind its storage: version "0" is answered with what was before. */
class BehindClient extends FakeClient {
  readonly old = new Map<string, KubeObject>();
  /** Awaited by every read. */
  cut: Promise<void> = Promise.resolve();

  override async get<T extends KubeObject>(
    resource: Resource,
    name: ObjectName,
    options: { readonly resourceVersion?: string } = {},
  ): Promise<T> {
    await this.cut;
    const now = await super.get<T>(resource, name);
    const before = options.resourceVersion === "0" ? this.old.get(resource.plural) : undefined;
    return (before as T | undefined) ?? now;
  }
}

let clock: FakeClock;
let api: BehindClient;
let bench: ReturnType<typeof uplinkBench>;
function start(devices: BenchOptions["devices"] = {}): void {
  clock = createFakeClock();
  api = new BehindClient();
  bench = uplinkBench({ negotiated: true, clock, api, devices });
  api.put(DEVICES, { metadata: NAME, spec: { nodeName: "edge-1" } });
}
beforeEach(() => start());

const put = (status: object): KubeObject =>
  api.put(DEVICE_STATUSES, {
    metadata: { ...NAME, ownerReferences: [{ kind: "Device", uid: "uid-d", controller: true }] },
    status: { nodeName: "edge-1", reason: "Reported", ...status },
  });
const stored = (): Status["status"] => (api.find(DEVICE_STATUSES, NAME) as Status | undefined)?.status;

async function send(told: object): Promise<string> {
  const devices = [{ device: "default/d", uid: "uid-d", ...told }];
  const frame = bench.frame("update", "devices/batch", { sentMs: clock.wallMs(), devices });
  await bench.handle(frame);
  await idle();
  return frame.header.msg_id;
}
const resultOf = (id: string): BatchResult | undefined => {
  const answer = bench.sent.find(({ header }) => header.parent_msg_id === id);
  return (answer?.content as { results: BatchResult[] } | undefined)?.results[0];
};

describe("a report of a device", () => {
  it("is not confirmed by an older DeviceStatus that the API server has in memory", async () => {
    const online = { state: "online", reason: "Reported" };
    api.old.set(DEVICE_STATUSES.plural, put(withOnline(online)));
    put({ state: "offline", conditions: [] }); // another hub's write, a moment ago
    const id = await send({ state: online });
    expect(resultOf(id)).toEqual(["OK"]);
    expect(stored()?.state).toBe("online");
  });

  it("that says nothing new is confirmed by what was stored a while ago, not by what was long ago", async () => {
    const online = { state: { state: "online", reason: "Reported" } };
    await send(online);
    api.calls.length = 0;
    clock.advance(59_000);
    expect(resultOf(await send(online))).toEqual(["OK"]);
    expect(api.calls.filter(({ plural }) => plural === DEVICE_STATUSES.plural)).toEqual([]);
    await api.delete(DEVICE_STATUSES, NAME); // by somebody's hand
    clock.advance(1_000);
    expect(resultOf(await send(online))).toEqual(["OK"]);
    expect(stored()?.state).toBe("online");
  });

  it("that fails after its batch was answered is counted and logged all the same", async () => {
    let open = (): void => undefined;
    api.gate = new Promise((resolve) => (open = resolve));
    api.failures = [apiError(403, "Forbidden")];
    const id = await send({ state: { state: "online" } });
    clock.advance(60_000);
    expect(resultOf(id)).toEqual(["WAITING"]);
    open();
    await idle();
    expect(await bench.rejects()).toEqual({ API_REFUSED: 1 });
    expect(bench.lines.filter(({ message }) => message === "uplink frame refused")).toHaveLength(1);
  });

  it("of which many fail alike after their batch was answered is logged once for the batch", async () => {
    let open = (): void => undefined;
    api.gate = new Promise((resolve) => (open = resolve));
    const devices = ["a", "b", "c"].map((name) => ({
      ...{ device: `default/${name}`, uid: "u", state: { state: "ok" } },
    }));
    await bench.handle(bench.frame("update", "devices/batch", { sentMs: clock.wallMs(), devices }));
    clock.advance(60_000);
    open();
    for (let i = 0; i < 5; i++) await idle();
    expect(await bench.rejects()).toEqual({ FORBIDDEN: 3 });
    expect(bench.lines.filter(({ message }) => message === "uplink frame refused")).toHaveLength(1);
  });

  it("that is cut off by the end of its session is no fault of the hub", async () => {
    const { signal } = bench.session;
    api.cut = new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
    });
    await send({ state: { state: "ok" } });
    bench.ended.abort();
    for (let i = 0; i < 5; i++) await idle();
    expect(await bench.rejects()).toEqual({});
    expect(bench.lines).toEqual([]);
  });

  it("counts each try of a write against the rate", async () => {
    start({ writesPerSecond: 0.01, burst: 3 });
    await send({ state: { state: "online" } });
    api.failures = Array.from({ length: 4 }, () => apiError(500, "InternalError"));
    await send({ state: { state: "offline" } });
    for (let i = 0; i < 100; i++) {
      clock.advance(100);
      await idle();
    }
    const tries = (): number => api.calls.filter(({ verb }) => verb === "patch").length;
    expect([tries(), stored()?.state]).toEqual([5, "offline"]);
    await send({ state: { state: "unknown" } });
    expect(tries()).toBe(5);
    clock.advance(400_000);
    await idle();
    expect(tries()).toBe(6);
  });

  it("leaves nothing in memory of the Device that was looked up but what it needs", async () => {
    const annotations = { big: "x".repeat(100_000) };
    api.put(DEVICES, { metadata: { ...NAME, annotations }, spec: { nodeName: "edge-1" } });
    const held = new WeakRef((api.find(DEVICES, NAME) as { metadata: object } | undefined)?.metadata ?? {});
    await send({ state: { state: "online" } });
    expect(stored()?.state).toBe("online");
    api.objects.clear();
    await idle();
    setFlagsFromString("--expose-gc");
    (runInNewContext("gc") as () => void)();
    expect(held.deref()).toBeUndefined();
  });
});

const withOnline = ({ state, reason }: { state: string; reason: string }): object => ({
  state,
  reason,
  conditions: [
    { type: "Online", status: "True", reason, message: "", lastTransitionTime: "2026-01-01T00:00:00Z" },
  ],
});
