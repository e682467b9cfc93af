// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import { DEVICE_STATUSES, DEVICES } from "../../../src/hub/uplink/kinds.ts";
import type { KubeObject } from "../../../src/runtime/client.ts";
import { uplinkBench, type BenchOptions } from "./bench.ts";
import { apiError } from "./fake-client.ts";

const TWIN = "device/default/mine/twin/edge_updated";
const STATE = "device/default/mine/state/update";
const NAME = { namespace: "default", name: "mine" };

interface Status extends KubeObject {
  readonly status?: { twins?: { propertyName: string; reported?: { value: string } }[]; state?: string };
}

let bench: ReturnType<typeof uplinkBench>;
function start(options: BenchOptions = {}): void {
  bench = uplinkBench(options);
  for (const [name, nodeName] of [
    ["mine", "edge-1"],
    ["theirs", "edge-2"],
  ])
    bench.client.put(DEVICES, { metadata: { name, namespace: "default" }, spec: { nodeName } });
  bench.client.put(DEVICE_STATUSES, {
    metadata: { ...NAME, ownerReferences: [{ kind: "Device", uid: "uid-mine", controller: true }] },
    status: { extensions: { of: "others" } },
  });
}
beforeEach(() => start());

const twin = (values: Record<string, string>, timestamp = 1): object => ({
  event_id: "e",
  timestamp,
  twin: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { actual: { value } }])),
});
const state = (word: string): string =>
  JSON.stringify({ event_id: "e", device: { name: "mine", state: word } });

/** Reports go on by themselves; here nothing waits for anything but the event loop. */
async function tell(resource: string, content: unknown): Promise<string> {
  const frame = bench.frame("update", resource, content);
  await bench.handle(frame);
  await idle();
  return frame.header.msg_id;
}
const idle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const owner = (uid: string): object => ({ kind: "Device", uid, controller: true });
const answersTo = (id: string) => bench.sent.filter(({ header }) => header.parent_msg_id === id);
const verbs = (): string[] => bench.client.calls.map(({ verb, plural }) => `${verb} ${plural}`);
const stored = (): Status["status"] => (bench.client.find(DEVICE_STATUSES, NAME) as Status).status;
const values = (): Record<string, string | undefined> =>
  Object.fromEntries((stored()?.twins ?? []).map((t) => [t.propertyName, t.reported?.value]));

describe("reports of a device", () => {
  it("are stored and confirmed as CloudCore does, and what others keep there stays", async () => {
    const id = await tell(TWIN, twin({ temperature: "23" }));
    expect(answersTo(id)).toMatchObject([
      {
        header: { parent_msg_id: id },
        route: { source: "devicecontroller", group: "twin", operation: "response", resource: "twin" },
        content: "OK",
      },
    ]);
    await tell(STATE, state("online"));
    expect(values()).toEqual({ temperature: "23" });
    expect(stored()).toMatchObject({ state: "online", extensions: { of: "others" } });
  });

  it("cost one write and no read each, once the device is known", async () => {
    await tell(TWIN, twin({ temperature: "1" }));
    expect(verbs()).toEqual(["get devices", "get devicestatuses", "patch devicestatuses"]);
    bench.client.calls.length = 0;
    await tell(TWIN, twin({ temperature: "2" }, 2));
    await tell(STATE, state("ok"));
    expect(verbs()).toEqual(["patch devicestatuses", "patch devicestatuses"]);
  });

  it("that say nothing new are confirmed without a write", async () => {
    await tell(TWIN, twin({ temperature: "1" }));
    bench.client.calls.length = 0;
    const again = await tell(TWIN, twin({ temperature: "1" }));
    expect(answersTo(again)).toHaveLength(1);
    expect(verbs()).toEqual([]);
  });

  it.each([true, false])(
    "that wait are written together, values and states alike; negotiated: %s",
    async (negotiated) => {
      start({ negotiated });
      let open = (): void => undefined;
      bench.client.gate = new Promise((resolve) => (open = resolve));
      const frames = [
        bench.frame("update", TWIN, twin({ a: "1", b: "1" }, 1)),
        bench.frame("update", TWIN, twin({ a: "2" }, 2)),
        bench.frame("update", STATE, state("online")),
        bench.frame("update", TWIN, twin({ c: "3" }, 3)),
      ];
      for (const frame of frames) await bench.handle(frame);
      open();
      await idle();
      expect(verbs().filter((verb) => verb.startsWith("patch"))).toHaveLength(2);
      expect(values()).toEqual({ a: "2", b: "1", c: "3" });
      expect(stored()?.state).toBe("online");
      for (const { header } of frames) expect(answersTo(header.msg_id)).toHaveLength(1);
    },
  );

  it("of one that makes no sense are refused alone, among others that wait", async () => {
    let open = (): void => undefined;
    bench.client.gate = new Promise((resolve) => (open = resolve));
    const frames = [twin({ a: "1" }), "[]", twin({ b: "1" })].map((content) =>
      bench.frame("update", TWIN, content),
    );
    const wrong = bench.frame("update", STATE, state("happy"));
    for (const frame of [...frames, wrong]) await bench.handle(frame);
    open();
    await idle();
    const operations = [...frames, wrong].map(({ header }) => answersTo(header.msg_id)[0]?.route.operation);
    expect(operations).toEqual(["response", "error", "response", "error"]);
    expect(values()).toEqual({ a: "1", b: "1" });
    expect(await bench.rejects()).toEqual({ BAD: 2 });
  });
});

describe("a device that is not on the sender's node", () => {
  it.each(["theirs", "nobodys"])("is not written, whether it exists or not: %s", async (name) => {
    const id = await tell(`device/default/${name}/twin/edge_updated`, twin({ temperature: "23" }));
    expect(answersTo(id)).toMatchObject([
      {
        route: { operation: "error", group: "twin" },
        content: "FORBIDDEN: not granted to this node, or missing",
      },
    ]);
    expect(verbs().filter((verb) => !verb.startsWith("get"))).toEqual([]);
    expect(await bench.rejects()).toEqual({ FORBIDDEN: 1 });
  });

  it("is looked up once in a while only, however often it is asked for", async () => {
    for (let i = 0; i < 20; i++)
      await tell("device/default/theirs/twin/edge_updated", twin({ temperature: String(i) }));
    expect(verbs()).toEqual(["get devices", "get devices"]);
  });
});

describe("the DeviceStatus", () => {
  it("is written again over what another has written meanwhile", async () => {
    await tell(TWIN, twin({ temperature: "1" }));
    const other = { propertyName: "humidity", reported: { value: "40" } };
    const now = bench.client.find(DEVICE_STATUSES, NAME) as Status;
    bench.client.put(DEVICE_STATUSES, {
      ...now,
      status: { ...now.status, twins: [...(now.status?.twins ?? []), other] },
    });
    const id = await tell(TWIN, twin({ temperature: "2" }, 2));
    expect(values()).toEqual({ temperature: "2", humidity: "40" });
    expect(answersTo(id)).toHaveLength(1);
  });

  it("that is not there yet is made, owned by the device", async () => {
    bench.client.objects.delete("devicestatuses/default/mine");
    await tell(TWIN, twin({ temperature: "1" }));
    expect(values()).toEqual({ temperature: "1" });
    expect(bench.client.find(DEVICE_STATUSES, NAME)?.metadata.ownerReferences).toMatchObject([
      { kind: "Device", name: "mine", uid: "uid-mine", controller: true },
    ]);
  });

  it("of an older device of that name is left alone, and the edge repeats what is not confirmed", async () => {
    bench.client.put(DEVICE_STATUSES, {
      metadata: { ...NAME, ownerReferences: [{ kind: "Device", uid: "older", controller: true }] },
    });
    const id = await tell(TWIN, twin({ temperature: "1" }));
    expect(answersTo(id)).toEqual([]);
    expect(stored()).toBeUndefined();
    expect(await bench.rejects()).toEqual({ LATER: 1 });
  });

  it.each([
    { when: "there is none yet", status: undefined },
    { when: "it was made already", status: { metadata: { ...NAME, ownerReferences: [owner("newer")] } } },
  ])("is that of the new device when it was made anew a moment ago: $when", async ({ status }) => {
    await tell(TWIN, twin({ temperature: "1" }));
    bench.client.objects.delete("devicestatuses/default/mine");
    bench.client.put(DEVICES, { metadata: { ...NAME, uid: "newer" }, spec: { nodeName: "edge-1" } });
    if (status) bench.client.put(DEVICE_STATUSES, { ...status, metadata: { ...status.metadata, uid: "s2" } });
    const id = await tell(TWIN, twin({ temperature: "2" }, 2));
    expect(answersTo(id)).toMatchObject([{ content: "OK" }]);
    expect(values()).toEqual({ temperature: "2" });
    expect(bench.client.find(DEVICE_STATUSES, NAME)?.metadata.ownerReferences).toMatchObject([
      { uid: "newer" },
    ]);
  });

  it("is looked at anew for a repeated report that came before that of the new device", async () => {
    await tell(TWIN, twin({ temperature: "1" }));
    bench.client.put(DEVICES, { metadata: { ...NAME, uid: "newer" }, spec: { nodeName: "edge-1" } });
    const older = bench.client.find(DEVICE_STATUSES, NAME);
    bench.client.put(DEVICE_STATUSES, older!); // somebody has written it
    const early = await tell(TWIN, twin({ temperature: "2" }, 2));
    expect(answersTo(early)).toEqual([]);
    bench.client.put(DEVICE_STATUSES, { metadata: { ...NAME, ownerReferences: [owner("newer")] } });
    await tell(TWIN, twin({ temperature: "2" }, 2));
    expect(values()).toEqual({ temperature: "2" });
  });

  it("that cannot be written now leaves the report unconfirmed, and is written when it is repeated", async () => {
    await tell(TWIN, twin({ temperature: "1" }));
    bench.client.failures = Array.from({ length: 5 }, () => apiError(503, "ServiceUnavailable"));
    const lost = await tell(TWIN, twin({ temperature: "2" }, 2));
    await idle();
    expect(answersTo(lost)).toEqual([]);
    bench.client.failures = [];
    const again = await tell(TWIN, twin({ temperature: "2" }, 2));
    expect(answersTo(again)).toHaveLength(1);
    expect(values()).toEqual({ temperature: "2" });
  });

  it("that cannot be written now is refused at once to an agent of ours, which repeats it in half a second", async () => {
    start({ negotiated: true });
    await tell(TWIN, twin({ temperature: "1" }));
    bench.client.failures = Array.from({ length: 5 }, () => apiError(503, "ServiceUnavailable"));
    const lost = await tell(TWIN, twin({ temperature: "2" }, 2));
    await idle();
    expect(answersTo(lost)).toMatchObject([{ route: { operation: "error" } }]);
    bench.client.failures = [];
    await tell(TWIN, twin({ temperature: "2" }, 2));
    expect(values()).toEqual({ temperature: "2" });
  });

  it("is not written once the session has ended", async () => {
    bench.ended.abort();
    await tell(TWIN, twin({ temperature: "1" }));
    expect(stored()?.twins).toBeUndefined();
    expect(bench.sent).toEqual([]);
  });
});
