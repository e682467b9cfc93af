// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it } from "@jest/globals";
import type { EdgeApplication } from "@longshore/crds/apps";
import { EDGE_APPLICATIONS } from "../../src/edge-application/resources.ts";
import type { Resource } from "../../src/runtime/index.ts";
import { eventually } from "../runtime/eventually.ts";
import {
  DEPLOYMENTS,
  deployment,
  groupTargets,
  service,
  SERVICES,
  startBench,
  type Bench,
  type Room,
} from "./bench.ts";

const TEMPLATE = "apps.kubeedge.io/last-applied-template";
const CONTAINED = "apps.kubeedge.io/last-contained-resources";

let bench: Bench;
let room: Room;
beforeAll(async () => {
  bench = await startBench();
}, 120_000);
afterAll(() => bench.close());
beforeEach(async () => {
  room = await bench.room();
});
afterEach(() => room.close());

/** As CloudCore makes a child: by a create, with its annotation and no label. */
async function makeAsCloudCore(app: EdgeApplication, resource: Resource, object: Record<string, unknown>) {
  const metadata = {
    ...(object["metadata"] as { readonly name: string }),
    namespace: room.namespace,
    ownerReferences: [
      {
        ...{ apiVersion: "apps.kubeedge.io/v1alpha1", kind: "EdgeApplication" },
        ...{ name: app.metadata.name, uid: app.metadata.uid, controller: true, blockOwnerDeletion: true },
      },
    ],
  };
  const annotations = { [TEMPLATE]: JSON.stringify({ ...object, metadata }) };
  return room.client.create(
    resource,
    { ...object, metadata: { ...metadata, annotations } },
    { fieldManager: "cloudcore" },
  );
}

const withEnv = (name: string): Record<string, unknown> => {
  const template = {
    metadata: { labels: { app: "nginx" } },
    spec: { containers: [{ name: "main", image: "nginx:1.25", env: [{ name: "OLD", value: "1" }] }] },
  };
  const made = deployment("nginx", "nginx:1.25", { template, minReadySeconds: 5 });
  return { ...made, metadata: { name, labels: { tier: "web" } } };
};

const contained = (kind: string, name: string, group = "apps") => ({
  ...{ ordinal: 0, group, version: "v1", kind, namespace: room.namespace, name },
});

describe("an application that CloudCore looked after", () => {
  it("keeps its objects; what the template drops later disappears, and what others set stays", async () => {
    const app = await room.createApp("shop", {
      workloadScope: groupTargets("a"),
      workloadTemplate: { manifests: [withEnv("nginx"), service("nginx")] },
    });
    const before = await makeAsCloudCore(app, DEPLOYMENTS, withEnv("nginx-a"));
    const serviceBefore = await makeAsCloudCore(app, SERVICES, service("nginx"));
    await room.client.patch(
      DEPLOYMENTS,
      room.named("nginx-a"),
      { type: "merge", body: { spec: { replicas: 4 }, metadata: { annotations: { "a.user/s": "own" } } } },
      { fieldManager: "kubectl-edit" },
    );
    room.start();
    await eventually(async () => expect(await room.names(DEPLOYMENTS)).toEqual(["nginx-a"]));
    await eventually(async () => expect(await room.names(SERVICES)).toEqual(["nginx"]));
    await room.quiet();
    const taken = await room.get(DEPLOYMENTS, "nginx-a");
    expect(taken.metadata.uid).toBe(before.metadata.uid);
    expect((await room.get(SERVICES, "nginx")).metadata.uid).toBe(serviceBefore.metadata.uid);
    expect(taken.metadata.managedFields?.map(({ manager }) => manager).sort()).toEqual([
      "kubectl-edit",
      "longshore-edge-application",
    ]);
    expect(taken.spec).toHaveProperty("minReadySeconds", 5);
    expect(taken.spec).toHaveProperty("replicas", 4);

    await room.patchApp("shop", { workloadTemplate: { manifests: [deployment("nginx"), service("nginx")] } });
    await eventually(async () => {
      const { spec, metadata } = await room.get(DEPLOYMENTS, "nginx-a");
      expect(spec).not.toHaveProperty("template.spec.containers.0.env");
      expect(spec).not.toHaveProperty("minReadySeconds");
      expect(spec).toHaveProperty("replicas", 4);
      expect(metadata.labels).not.toHaveProperty("tier");
      expect(metadata.annotations).toHaveProperty(["a.user/s"], "own");
    });
  });

  it("loses what CloudCore made and the template has no more, and nothing that is not its own", async () => {
    const app = await room.createApp("shop", {
      workloadScope: groupTargets("a"),
      workloadTemplate: { manifests: [deployment("nginx")] },
    });
    await makeAsCloudCore(app, DEPLOYMENTS, { ...deployment("nginx"), metadata: { name: "nginx-dropped" } });
    await makeAsCloudCore(app, SERVICES, service("old"));
    await room.client.create(SERVICES, { ...service("theirs"), metadata: room.named("theirs") });
    const names = [
      contained("Deployment", "nginx-dropped"),
      ...["old", "theirs", "gone"].map((name) => contained("Service", name, "")),
      { ...contained("Gadget", "x", "no.such.group"), version: "v7" },
    ];
    await room.client.patch(EDGE_APPLICATIONS, room.named("shop"), {
      type: "merge",
      body: { metadata: { annotations: { [CONTAINED]: JSON.stringify(names) } } },
    });
    room.start();
    await eventually(async () => {
      expect(await room.find(DEPLOYMENTS, "nginx-dropped")).toBeUndefined();
      expect(await room.find(SERVICES, "old")).toBeUndefined();
      const text = (await room.app("shop")).metadata.annotations?.[CONTAINED] ?? "";
      expect(JSON.parse(text)).toEqual([contained("Deployment", "nginx-a")]);
    });
    expect(await room.find(SERVICES, "theirs")).toBeDefined();
  });
});
