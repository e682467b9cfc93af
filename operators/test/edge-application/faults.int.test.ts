// SPDX-License-Identifier: Apache-2.0
import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { parseAllDocuments } from "yaml";
import {
  ApiError,
  createClient,
  loadKubeConfig,
  type KubeObject,
  type Resource,
} from "../../src/runtime/index.ts";
import { eventually } from "../runtime/eventually.ts";
import { SECRETS } from "../runtime/kinds.ts";
import {
  CONFIG_MAPS,
  configMap,
  DEPLOYMENTS,
  deployment,
  failing,
  groupTargets,
  startBench,
  type Bench,
  type Room,
} from "./bench.ts";

const CONTROLLERS = "system:serviceaccount:kubeedge:longshore-controllers";
const TOKEN = "controllers-token";

let bench: Bench;
let room: Room;
beforeAll(async () => {
  bench = await startBench({
    users: [{ token: TOKEN, name: CONTROLLERS, groups: ["system:serviceaccounts", "system:authenticated"] }],
    flags: { "enable-admission-plugins": "OwnerReferencesPermissionEnforcement" },
  });
}, 120_000);
afterAll(() => bench.close());
beforeEach(async () => {
  room = await bench.room();
});
afterEach(() => room.close());

const messages = async (name: string): Promise<Record<string, string>> => {
  const { status } = await room.app(name);
  const entries = (status?.workloadStatus ?? []).map(({ identifier, message = "" }) => [
    `${identifier.ordinal} ${identifier.name ?? ""}`.trim(),
    message,
  ]);
  return Object.fromEntries(entries) as Record<string, string>;
};

describe("a manifest that cannot be made", () => {
  it("stops no other, is named, and comes when it is put right", async () => {
    room.start();
    const bad = deployment("bad", "nginx:1", { replicas: -1 });
    await room.createApp("shop", {
      workloadScope: groupTargets("a"),
      workloadTemplate: {
        manifests: [
          bad,
          deployment("good"),
          { apiVersion: "example.com/v1", kind: "Gadget", metadata: { name: "g" } },
          { kind: "Nothing" },
          configMap("last"),
        ],
      },
    });
    await eventually(async () => {
      expect(await room.names(DEPLOYMENTS)).toEqual(["good-a"]);
      expect(await room.names(CONFIG_MAPS)).toEqual(["last"]);
      expect(await room.workloads("shop")).toEqual([
        "0 Deployment bad-a Processing",
        "1 Deployment good-a Processing",
        "2 Gadget g Processing",
        "3 Processing",
        "4 ConfigMap last Available",
      ]);
    });
    const told = await messages("shop");
    expect(told["0 bad-a"]).toMatch(/replicas.*must be greater than or equal to 0/);
    expect(told["2 g"]).toBe("example.com/v1 Gadget is not served by this cluster");
    expect(told["3"]).toMatch(/apiVersion/);
    expect(told["1 good-a"]).toBe("");
    expect(await room.conditions("shop")).toMatchObject({
      Ready: "False ObjectFailed",
      OverridesValid: "False OverrideFailed",
    });
    await eventually(async () =>
      expect(await room.events("shop")).toEqual(
        expect.arrayContaining(["Rendered", "ObjectFailed", "OverrideFailed"]),
      ),
    );
    await room.patchApp("shop", { workloadTemplate: { manifests: [deployment("bad"), deployment("good")] } });
    await eventually(async () => expect(await room.names(DEPLOYMENTS)).toEqual(["bad-a", "good-a"]));
    await eventually(async () =>
      expect(await room.conditions("shop")).toMatchObject({
        Ready: "False GroupMissing",
        OverridesValid: "True Valid",
      }),
    );
  });

  it("deletes nothing: neither by a typo nor under a new name that is refused", async () => {
    room.start();
    await room.createApp("shop", {
      workloadScope: groupTargets("a"),
      workloadTemplate: { manifests: [deployment("web"), configMap("conf")] },
    });
    await eventually(async () => expect(await room.names(DEPLOYMENTS)).toEqual(["web-a"]));
    await room.quiet();
    await room.patchApp("shop", { workloadTemplate: { manifests: [{ ...deployment("web"), kind: 7 }] } });
    await eventually(async () =>
      expect(await room.condition("shop", "OverridesValid")).toMatchObject({ status: "False" }),
    );
    await room.quiet();
    expect([await room.names(DEPLOYMENTS), await room.names(CONFIG_MAPS)]).toEqual([["web-a"], ["conf"]]);
    const renamed = deployment("renamed", "nginx:1", { replicas: -1 });
    await room.patchApp("shop", { workloadTemplate: { manifests: [renamed] } });
    await eventually(async () => expect(await room.names(CONFIG_MAPS)).toEqual([]));
    expect(await room.names(DEPLOYMENTS)).toEqual(["web-a"]);
  });

  it.each([
    {
      when: "it is of another namespace",
      manifest: { ...configMap("x"), metadata: { name: "x", namespace: "kube-system" } },
      says: /namespace/,
    },
    {
      when: "its kind has no namespace",
      manifest: { apiVersion: "v1", kind: "Namespace", metadata: { name: "x" } },
      says: /namespace/,
    },
    {
      when: "its kind has none, which only the API server knows",
      manifest: {
        ...{ apiVersion: "admissionregistration.k8s.io/v1", kind: "ValidatingWebhookConfiguration" },
        ...{ metadata: { name: "x" }, webhooks: [] },
      },
      says: /namespace/,
    },
    {
      when: "it is an application",
      manifest: {
        apiVersion: "apps.kubeedge.io/v1alpha1",
        kind: "EdgeApplication",
        metadata: { name: "x" },
        spec: { workloadScope: {} },
      },
      says: /cannot hold another/,
    },
  ])("S a manifest is refused when $when", async ({ manifest, says }) => {
    room.start();
    await room.createApp("shop", {
      workloadScope: {},
      workloadTemplate: { manifests: [manifest, configMap("good")] },
    });
    await eventually(async () => expect(await room.names(CONFIG_MAPS)).toEqual(["good"]));
    await eventually(async () => expect(Object.values(await messages("shop"))[0]).toMatch(says));
    expect(await room.condition("shop", "Ready")).toMatchObject({ status: "False", reason: "ObjectFailed" });
  });

  it("S what another controller owns is not taken", async () => {
    const owner = await room.client.create(CONFIG_MAPS, { metadata: room.named("owner") });
    const ownerReferences = [
      { apiVersion: "v1", kind: "ConfigMap", name: "owner", uid: owner.metadata.uid, controller: true },
    ];
    await room.client.create(CONFIG_MAPS, {
      metadata: { ...room.named("x"), ownerReferences },
      data: { a: "theirs" },
    });
    room.start();
    await room.createApp("shop", { workloadScope: {}, workloadTemplate: { manifests: [configMap("x")] } });
    await eventually(async () =>
      expect(await messages("shop")).toEqual({
        "0 x": "ConfigMap x belongs to ConfigMap owner; give the manifest another name",
      }),
    );
    expect((await room.get(CONFIG_MAPS, "x")).data).toEqual({ a: "theirs" });
    await room.client.delete(CONFIG_MAPS, room.named("x"));
    await eventually(async () => expect((await room.get(CONFIG_MAPS, "x")).data).toEqual({ a: "1" }));
    await eventually(async () => expect(await messages("shop")).toEqual({ "0 x": "" }));
  });
});

describe("rights", () => {
  it("S the shipped roles are enough for what they name, and Secrets need a role of one's own", async () => {
    const kubeConfig = loadKubeConfig(await room.api.writeKubeconfig("controllers", { token: TOKEN }));
    const client = createClient({ kubeConfig, userAgent: "test" });
    await grantShipped();
    room.start({ client });
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, stringData: { a: "b" } };
    await room.createApp("shop", {
      workloadScope: groupTargets("a"),
      workloadTemplate: { manifests: [secret, deployment("web"), configMap("conf")] },
    });
    await eventually(async () => {
      expect(await room.names(DEPLOYMENTS)).toEqual(["web-a"]);
      expect(await room.names(CONFIG_MAPS)).toEqual(["conf"]);
      expect((await messages("shop"))["0 s"]).toMatch(/aggregate-to-edge-applications: "true"/);
    });
    expect((await messages("shop"))["0 s"]).toMatch(/secrets/);
    const verbs = ["get", "list", "watch", "create", "patch", "delete"];
    const rules = [{ apiGroups: [""], resources: ["secrets"], verbs }];
    await room.client.create(CLUSTER_ROLES, { metadata: { name: "more" }, rules });
    await bind("more");
    await eventually(async () => expect(await room.names(SECRETS)).toEqual(["s"]), 30_000);
    await room.stop();
    await client.close();
  }, 60_000);
});

describe("an outage", () => {
  it("a status that could not be written comes later, and nothing is made twice", async () => {
    const away = new ApiError({ code: 0, reason: "ConnectionFailed", message: "no answer" });
    room.meddle(failing(away, ({ subresource }) => subresource === "status", 2));
    room.start();
    await room.createApp("shop", {
      workloadScope: groupTargets("a", "b"),
      workloadTemplate: { manifests: [deployment("web")] },
    });
    await eventually(async () => expect(await room.workloads("shop")).toHaveLength(2));
    await room.stop();
    const first = await room.get(DEPLOYMENTS, "web-a");
    room.start();
    await room.quiet();
    const { metadata } = await room.get(DEPLOYMENTS, "web-a");
    expect(metadata).toMatchObject({
      uid: first.metadata.uid,
      resourceVersion: first.metadata.resourceVersion,
    });
  });

  it("a start between making the objects and telling of them ends in the same state", async () => {
    const away = new ApiError({ code: 0, reason: "ConnectionFailed", message: "no answer" });
    // The process ends before it could tell anything, and with half of the objects made.
    room.meddle((call) => {
      if (call.subresource === "status" || call.name === "web-c") throw away;
    });
    room.start();
    await room.createApp("shop", {
      workloadScope: groupTargets("a", "b", "c"),
      workloadTemplate: { manifests: [deployment("web")] },
    });
    await eventually(async () => expect(await room.names(DEPLOYMENTS)).toEqual(["web-a", "web-b"]));
    await room.stop();
    room.meddle(undefined);
    await room.patchApp("shop", { workloadScope: groupTargets("b", "c") });
    room.start();
    await eventually(async () => {
      expect(await room.names(DEPLOYMENTS)).toEqual(["web-b", "web-c"]);
      expect((await room.app("shop")).status?.targets?.map(({ name }) => name)).toEqual(["b", "c"]);
    });
  });
});

const rbac = (kind: string, plural: string): Resource => ({
  ...{ group: "rbac.authorization.k8s.io", version: "v1", kind, plural, namespaced: false },
});
const CLUSTER_ROLES = rbac("ClusterRole", "clusterroles");
const BINDINGS = rbac("ClusterRoleBinding", "clusterrolebindings");

/** The roles are bound by hand: there is nobody here who would aggregate them. */
async function grantShipped(): Promise<void> {
  for (const file of ["controllers", "edge_applications"]) {
    const text = await readFile(new URL(`../../../config/rbac/${file}.yaml`, import.meta.url), "utf8");
    const objects = parseAllDocuments(text).map((doc) => doc.toJS() as KubeObject);
    for (const role of objects.filter(({ kind }) => kind === "ClusterRole")) {
      await room.client.create(CLUSTER_ROLES, role);
      await bind(role.metadata.name);
    }
  }
}

const bind = (name: string) =>
  room.client.create(BINDINGS, {
    metadata: { name },
    roleRef: { apiGroup: CLUSTER_ROLES.group, kind: "ClusterRole", name },
    subjects: [{ kind: "User", name: CONTROLLERS, apiGroup: CLUSTER_ROLES.group }],
  });
