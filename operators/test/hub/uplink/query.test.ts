// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import {
  ATTACHMENTS,
  CLAIMS,
  CONFIG_MAPS,
  EVENTS,
  PODS,
  SECRETS,
  VOLUMES,
} from "../../../src/hub/uplink/kinds.ts";
import { apiError } from "./fake-client.ts";
import { uplinkBench } from "./bench.ts";
import { expectOneRefusal } from "./one-refusal.ts";

let bench: ReturnType<typeof uplinkBench>;
const spec = {
  nodeName: "edge-1",
  serviceAccountName: "sa",
  volumes: [
    { secret: { secretName: "s" } },
    { configMap: { name: "c" } },
    { secret: { secretName: "absent" } },
    { persistentVolumeClaim: { claimName: "claim" } },
  ],
};

beforeEach(() => {
  bench = uplinkBench();
  bench.client.put(PODS, { metadata: { name: "p", namespace: "default" }, spec });
  for (const namespace of ["default", "other"]) {
    bench.client.put(SECRETS, { metadata: { name: "s", namespace }, data: { k: "dg==" } });
    bench.client.put(CONFIG_MAPS, { metadata: { name: "c", namespace }, data: { k: "v" } });
  }
  bench.client.put(SECRETS, { metadata: { name: "foreign", namespace: "default" } });
  bench.client.put(CLAIMS, { metadata: { name: "claim", namespace: "default" } });
  bench.client.put(VOLUMES, {
    metadata: { name: "v1" },
    spec: { claimRef: { namespace: "default", name: "claim" } },
  });
  bench.client.put(VOLUMES, {
    metadata: { name: "v2" },
    spec: { claimRef: { namespace: "other", name: "claim" } },
  });
  bench.client.put(ATTACHMENTS, { metadata: { name: "a1" }, spec: { nodeName: "edge-1" } });
  bench.client.put(ATTACHMENTS, { metadata: { name: "a2" }, spec: { nodeName: "edge-2" } });
});

describe("a query", () => {
  it.each([
    ["default/secret/s", "v1", "Secret"],
    ["default/configmap/c", "v1", "ConfigMap"],
    ["default/persistentvolumeclaim/claim", "v1", "PersistentVolumeClaim"],
    ["null/persistentvolume/v1", "v1", "PersistentVolume"],
    ["default/volumeattachment/a1", "storage.k8s.io/v1", "VolumeAttachment"],
  ])("of %s is answered raw, with apiVersion, kind and version", async (resource, apiVersion, kind) => {
    const reply = await bench.ask("query", resource);
    expect(reply?.content).toMatchObject({ apiVersion, kind, metadata: { name: resource.split("/")[2] } });
    expect(reply?.header).toMatchObject({
      parent_msg_id: "m1",
      resourceversion: expect.stringMatching(/^\d+$/),
    });
    expect(reply?.route).toMatchObject({
      operation: "response",
      resource,
      source: "edgecontroller",
      group: "resource",
    });
  });

  it.each([
    ["B66", "default/secret/foreign"],
    ["B66", "other/secret/s"],
    ["B66", "other/configmap/c"],
    ["S28", "default/secret/nowhere"],
    ["S28", "null/persistentvolume/v2"],
    ["S28", "null/persistentvolume/nowhere"],
    ["S28", "default/volumeattachment/a2"],
  ])("%s of %s gets the same plain refusal, whether it exists or not", async (_row, resource) => {
    const reply = await bench.ask("query", resource);
    expect(reply?.route.operation).toBe("error");
    expect(reply?.content).toBe("FORBIDDEN: not granted to this node, or missing");
    expect(reply?.header.parent_msg_id).toBe("m1");
    await expectOneRefusal(bench, "FORBIDDEN");
  });

  it("of a granted object that does not exist is told so, for it may be optional", async () => {
    const reply = await bench.ask("query", "default/secret/absent");
    expect(reply?.route.operation).toBe("error");
    expect(reply?.content).toBe("NotFound: the object was not found");
  });

  it("B66 for an ungranted Secret never reads it", async () => {
    await bench.ask("query", "default/secret/foreign");
    expect(bench.client.calls.map(({ verb }) => verb)).toEqual(["list", "list"]);
    await expectOneRefusal(bench, "FORBIDDEN");
  });

  it("while the API server is away gets an error that is no JSON", async () => {
    bench.client.failures = Array.from({ length: 20 }, () => apiError(500, "InternalError", '{"secret":1}'));
    const reply = await bench.ask("query", "default/secret/s");
    expect(reply?.route.operation).toBe("error");
    expect(reply?.content).toBe("InternalError: the request failed with code 500");
  });

  it("with an operation that no node has is refused", async () => {
    for (const operation of ["insert", "update", "delete", "constructor", ""]) {
      const reply = await bench.ask(operation, "default/secret/s", {});
      expect(reply?.route.operation).toBe("error");
    }
    expect(bench.client.calls).toEqual([]);
  });
});

describe("a ServiceAccount token", () => {
  const request = (more: object = {}, reference: object = {}) => ({
    spec: {
      audiences: null,
      expirationSeconds: 3607,
      boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "p", uid: "uid-p", ...reference },
      ...more,
    },
  });

  it("is requested for the pod that is bound here, and comes back raw", async () => {
    const reply = await bench.ask("query", "default/serviceaccounttoken/sa", request());
    expect(bench.client.calls.at(-1)).toEqual({
      verb: "create token",
      plural: "serviceaccounts",
      name: "sa",
      body: {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        metadata: { name: "sa", namespace: "default" },
        spec: {
          audiences: [],
          expirationSeconds: 3607,
          boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "p", uid: "uid-p" },
        },
      },
    });
    expect(reply?.content).toMatchObject({ kind: "TokenRequest", status: { token: "t" } });
    expect(reply?.header.resourceversion).toBeUndefined();
  });

  it.each([
    [3607, 3607],
    [undefined, 3600],
    [600, 600],
    [1, 600],
    [86_400, 86_400],
    [31_536_000, 86_400],
  ])("B72 asked for %s seconds lives %s", async (asked, want) => {
    await bench.ask("query", "default/serviceaccounttoken/sa", request({ expirationSeconds: asked }));
    expect(bench.client.calls.at(-1)?.body).toMatchObject({ spec: { expirationSeconds: want } });
  });

  it.each([
    ["of an account that no pod here uses", "default/serviceaccounttoken/admin", request()],
    ["in another namespace", "kube-system/serviceaccounttoken/sa", request()],
    ["for a pod that is not here", "default/serviceaccounttoken/sa", request({}, { name: "q" })],
    ["for an older pod of that name", "default/serviceaccounttoken/sa", request({}, { uid: "old" })],
    ["bound to a Secret", "default/serviceaccounttoken/sa", request({}, { kind: "Secret" })],
    ["bound to nothing", "default/serviceaccounttoken/sa", request({ boundObjectRef: null })],
  ])("B72 %s is refused", async (_what, resource, content) => {
    const reply = await bench.ask("query", resource, content);
    expect(reply?.route.operation).toBe("error");
    expect(reply?.content).toBe("FORBIDDEN: not granted to this node, or missing");
    expect(bench.client.calls.filter(({ verb }) => verb === "create token")).toEqual([]);
    await expectOneRefusal(bench, "FORBIDDEN");
  });
});

describe("an event", () => {
  const event = {
    metadata: { namespace: "default" },
    reason: "Started",
    message: "m".repeat(5000),
    source: { host: "edge-9" },
  };

  it("is written under the name of its sender, without a reply", async () => {
    await bench.ask("insert", "default/event/e1", event);
    expect(bench.client.calls[0]?.body).toMatchObject({
      metadata: { name: "e1", namespace: "default" },
      source: { host: "edge-1" },
      message: "m".repeat(1024),
    });
    expect(bench.sent).toEqual([]);
  });

  it("counts up by patch", async () => {
    await bench.ask("insert", "default/event/e1", event);
    await bench.ask("patch", "default/event/e1", {
      event,
      patchData: '{"count":2,"lastTimestamp":"t","reason":"X"}',
    });
    expect(bench.client.calls.at(-1)?.body).toEqual({ count: 2, lastTimestamp: "t" });
    expect(bench.sent).toEqual([]);
  });

  it("of another node is left alone", async () => {
    bench.client.put(EVENTS, { metadata: { name: "e2", namespace: "default" }, source: { host: "edge-2" } });
    await bench.ask("update", "default/event/e2", event);
    expect(bench.client.calls.map(({ verb }) => verb)).toEqual(["get"]);
    await expectOneRefusal(bench, "FORBIDDEN");
  });
});
