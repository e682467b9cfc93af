// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import { PODS } from "../../../src/hub/uplink/kinds.ts";
import { uplinkBench } from "./bench.ts";
import { expectOneRefusal } from "./one-refusal.ts";

type Bench = ReturnType<typeof uplinkBench>;
let bench: Bench;
const put = (name: string, node: string) =>
  bench.client.put(PODS, { metadata: { name, namespace: "default" }, spec: { nodeName: node } });

beforeEach(() => {
  bench = uplinkBench();
  put("mine", "edge-1");
  put("theirs", "edge-2");
});
const writes = () => bench.client.calls.filter(({ verb }) => verb !== "list" && verb !== "get");

describe("status of a pod", () => {
  it("is patched with the uid as precondition, and the reply holds the pod and its version", async () => {
    const reply = await bench.ask(
      "patch",
      "default/podpatch/mine",
      '{"metadata":{"uid":"uid-mine"},"status":{"phase":"Running"}}',
    );
    expect(writes()).toMatchObject([
      {
        verb: "patch",
        body: { metadata: { uid: "uid-mine" }, status: { phase: "Running" } },
        options: { subresource: "status" },
      },
    ]);
    expect(reply?.content).toMatchObject({ Object: { metadata: { name: "mine" } }, Err: null });
    expect(reply?.header.resourceversion).toMatch(/^\d+$/);
  });

  it("gets the known uid when the patch has none, and loses everything but status", async () => {
    await bench.ask("patch", "default/podpatch/mine", {
      metadata: { labels: { a: "b" } },
      spec: {},
      status: { a: 1 },
    });
    expect(writes()[0]?.body).toEqual({ metadata: { uid: "uid-mine" }, status: { a: 1 } });
  });

  it("B70 of another node's pod is forbidden", async () => {
    const reply = await bench.ask("patch", "default/podpatch/theirs", {
      metadata: { uid: "uid-theirs" },
      status: {},
    });
    expect(reply?.content).toMatchObject({ Object: null, Err: { ErrStatus: { code: 403 } } });
    expect(writes()).toEqual([]);
    await expectOneRefusal(bench, "FORBIDDEN");
  });

  it("B70 of an older pod of the same name is refused as a conflict", async () => {
    const reply = await bench.ask("patch", "default/podpatch/mine", { metadata: { uid: "old" }, status: {} });
    expect(reply?.content).toMatchObject({ Err: { ErrStatus: { code: 409, reason: "Conflict" } } });
    expect(writes()).toEqual([]);
    await expectOneRefusal(bench, "STALE_UID");
  });

  it("of a pod that is gone is answered 404, so that the edge can forget it", async () => {
    const reply = await bench.ask("patch", "default/podpatch/gone", { status: {} });
    expect(reply?.content).toMatchObject({
      Err: { ErrStatus: { status: "Failure", code: 404, reason: "NotFound" } },
    });
  });

  it("S4 that is no object is refused, not thrown", async () => {
    for (const content of ["null", "[]", "{", '""', "1", 7, null, [1], '{"__proto__":{"a":1}}']) {
      const reply = await bench.ask("patch", "default/podpatch/mine", content);
      expect(reply?.content).toMatchObject({ Err: { ErrStatus: { code: 400 } } });
    }
    expect(writes()).toEqual([]);
  });

  it("in the deprecated form is taken one by one, and a missing pod is deleted at the edge", async () => {
    const reply = await bench.ask("update", "default/podstatus", [
      { UID: "uid-mine", Name: "mine", Status: { phase: "Running" } },
      { UID: "x", Name: "gone", Status: {} },
    ]);
    expect(reply?.content).toBe("OK");
    expect(writes()).toMatchObject([{ name: "mine", body: { status: { phase: "Running" } } }]);
    expect(bench.sent[0]).toMatchObject({
      route: { operation: "delete", resource: "default/pod/gone" },
      content: { metadata: { namespace: "default", name: "gone" } },
    });
    expect(bench.sent[0]?.header.parent_msg_id).toBeUndefined();
  });
});

describe("many statuses of one pod", () => {
  const flood = async (negotiated: boolean) => {
    bench = uplinkBench({ negotiated });
    put("mine", "edge-1");
    let open: () => void = () => undefined;
    bench.client.gate = new Promise((resolve) => {
      open = resolve;
    });
    const frames = [1, 2, 3, 4, 5].map((n) =>
      bench.frame("patch", "default/podpatch/mine", { status: { n } }),
    );
    const handled = frames.map((frame) => bench.handle(frame));
    open();
    await Promise.all(handled);
    while (bench.sent.length < 5) await new Promise((resolve) => setImmediate(resolve));
    expect(bench.sent.map(({ header }) => header.parent_msg_id)).toEqual(
      frames.map(({ header }) => header.msg_id),
    );
    return writes().map(({ body }) => (body as { status: { n: number } }).status.n);
  };

  it("become two writes while the first is under way, the newest last, and all are answered", async () => {
    expect(await flood(false)).toEqual([1, 2, 3, 4, 5]);
    expect(await flood(true)).toEqual([1, 5]);
  });

  it("are refused past a bound", () => {
    bench.client.gate = new Promise(() => undefined);
    for (let i = 0; i < 70; i++)
      void bench.handle(bench.frame("patch", "default/podpatch/mine", { status: {} }));
    expect(bench.sent).toHaveLength(5);
    expect(bench.sent[0]?.content).toMatchObject({ Err: { ErrStatus: { code: 429 } } });
  });
});

describe("a pod whose containers are gone", () => {
  it.each([
    ["DeleteOptions", { gracePeriodSeconds: 0, preconditions: { uid: "uid-mine" } }],
    ["the uid alone", "uid-mine"],
    ["DeleteOptions as text", '{"gracePeriodSeconds":0}'],
    ["nothing", null],
  ])("is deleted with grace 0 and its uid, from %s", async (_what, content) => {
    const reply = await bench.ask("delete", "default/pod/mine", content);
    expect(reply?.content).toBe("OK");
    expect(writes()).toMatchObject([
      { verb: "delete", options: { gracePeriodSeconds: 0, preconditions: { uid: "uid-mine" } } },
    ]);
    expect(bench.client.find(PODS, { namespace: "default", name: "mine" })).toBeUndefined();
  });

  it.each([
    ["gone already", "gone", "uid-gone"],
    ["another one of that name", "mine", "uid-old"],
  ])("is OK when it is %s", async (_what, name, uid) => {
    const reply = await bench.ask("delete", `default/pod/${name}`, { preconditions: { uid } });
    expect(reply?.content).toBe("OK");
    expect(writes()).toEqual([]);
  });

  it("B70 is not deleted when it is bound elsewhere", async () => {
    const reply = await bench.ask("delete", "default/pod/theirs", { preconditions: { uid: "uid-theirs" } });
    expect(reply?.route.operation).toBe("error");
    expect(bench.client.find(PODS, { namespace: "default", name: "theirs" })).toBeDefined();
    await expectOneRefusal(bench, "FORBIDDEN");
  });

  it.each([-1, 1e18, 0.5, "0"])("is not deleted with a grace of %j", async (gracePeriodSeconds) => {
    const reply = await bench.ask("delete", "default/pod/mine", { gracePeriodSeconds });
    expect(reply?.route.operation).toBe("error");
    expect(writes()).toEqual([]);
  });
});

describe("a mirror pod", () => {
  const mirror = (spec: object = {}, annotations: object = { "kubernetes.io/config.mirror": "h" }) => ({
    metadata: {
      name: "static",
      namespace: "kube-system",
      annotations,
      finalizers: ["x"],
      ownerReferences: [
        { kind: "Node", name: "edge-1" },
        { kind: "ReplicaSet", name: "r" },
      ],
    },
    spec: { nodeName: "edge-1", ...spec },
  });

  it("is created", async () => {
    const reply = await bench.ask("insert", "kube-system/pod/static", mirror());
    expect(reply?.content).toMatchObject({ Object: { metadata: { name: "static" } }, Err: null });
    expect(writes()[0]?.body).toMatchObject({
      metadata: { ownerReferences: [{ kind: "Node", name: "edge-1" }] },
    });
    expect(writes()[0]?.body).not.toHaveProperty("metadata.finalizers");
  });

  it.each([
    ["a ServiceAccount", mirror({ serviceAccountName: "admin" })],
    ["a Secret", mirror({ volumes: [{ secret: { secretName: "s" } }] })],
    ["a claim", mirror({ volumes: [{ persistentVolumeClaim: { claimName: "c" } }] })],
    ["a ConfigMap", mirror({ containers: [{ envFrom: [{ configMapRef: { name: "c" } }] }] })],
    ["another node", mirror({ nodeName: "edge-2" })],
    ["no mirror annotation", mirror({}, {})],
  ])("B71 is refused with %s", async (_what, pod) => {
    const reply = await bench.ask("insert", "kube-system/pod/static", pod);
    expect(reply?.content).toMatchObject({ Object: null, Err: { ErrStatus: { code: 403 } } });
    expect(writes()).toEqual([]);
    await expectOneRefusal(bench, "FORBIDDEN");
  });
});
