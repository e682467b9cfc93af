// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { join } from "node:path";
import { untilEstablished } from "../../hack/cluster/established.ts";
import { startApiServer, type ApiServer } from "./apiserver.ts";
import { examples } from "./examples.ts";

const manifests = join(import.meta.dirname, "../manifests");

describe("manifests on a real API server", () => {
  let api: ApiServer;
  let stop = (): Promise<void> => Promise.resolve();
  beforeAll(async () => {
    api = await startApiServer();
    stop = () => api.stop();
    await api.kubectl(["apply", "--server-side", "-f", manifests]);
    await untilEstablished((args) => api.kubectl(args));
  }, 120_000);
  afterAll(() => stop());

  const create = (object: object, ...flags: string[]): Promise<string> =>
    api.kubectl(["create", "-f", "-", ...flags], JSON.stringify(object));

  test("the API server finds no fault in any schema", async () => {
    const crds = await items(api, "crd");
    expect(crds).toHaveLength(14);
    const faults = crds.filter((crd) => conditionOf(crd, "NonStructuralSchema") !== undefined);
    expect(faults.map((crd) => crd.metadata.name)).toEqual([]);
    expect(crds.map((crd) => conditionOf(crd, "NamesAccepted"))).toEqual(crds.map(() => "True"));
  });

  test.each(examples)(
    "a $kind as KubeEdge's users write it is stored and listed with our columns",
    async (example) => {
      const { apiVersion, kind, plural, object, header, row } = example;
      await create({ apiVersion, kind, ...object }, "--validate=strict");
      const lines = (await api.kubectl(["get", plural, object.metadata.name])).trim().split("\n");
      expect(lines[0]?.split(/ {2,}/u)).toEqual(header);
      expect(lines[1]).toMatch(row);
      const stored = JSON.parse(
        await api.kubectl(["get", plural, object.metadata.name, "-o", "json"]),
      ) as object;
      expect(stored).toMatchObject(object);
    },
  );

  test("short names and categories find every kind", async () => {
    const resources = await api.kubectl(["api-resources", "--categories=longshore", "--no-headers"]);
    expect(resources.trim().split("\n")).toHaveLength(14);
    const kubeedge = await api.kubectl(["api-resources", "--categories=kubeedge", "-o", "name"]);
    expect(kubeedge.trim().split("\n")).toHaveLength(13);
    for (const name of [
      "dev",
      "dm",
      "devst",
      "ng",
      "eapp",
      "nuj",
      "ippj",
      "cuj",
      "osync",
      "cosync",
      "re",
      "saaccess",
    ]) {
      await expect(api.kubectl(["get", name])).resolves.toBeDefined();
    }
  });

  test("a job without numbers gets the documented defaults", async () => {
    const job = { metadata: { name: "defaults" }, spec: { version: "v1.23.0", nodeNames: ["n"] } };
    await create({ apiVersion: "operations.kubeedge.io/v1alpha2", kind: "NodeUpgradeJob", ...job });
    const stored = await api.kubectl(["get", "nuj", "defaults", "-o", "jsonpath={.spec}"]);
    expect(JSON.parse(stored)).toMatchObject({ timeoutSeconds: 300, concurrency: 1, failureTolerate: "0.1" });
  });

  const DIGEST = `sha256:${"a".repeat(64)}`;
  const onNode = { nodeNames: ["n"] };
  const upgrade = { version: "v1.23.0", ...onNode };
  test.each([
    ["B21 no selector", { version: "v1.23.0" }, /spec: .*exactly one of nodeNames and labelSelector/u],
    ["B21 both selectors", { ...upgrade, labelSelector: {} }, /exactly one/u],
    ["A28 a version that is none", { ...upgrade, version: "1.23" }, /spec.version: .*invalid version/u],
    ["B18 no version", onNode, /spec.version: .*invalid version/u],
    ["B18 a version of two lines", { ...upgrade, version: "v1.0.0\n;id" }, /invalid version/u],
    ["S9 a version that carries a command", { ...upgrade, version: "v1.23.0; reboot" }, /invalid version/u],
    ["S9 an image that carries a command", { ...upgrade, image: "a/b$(id)" }, /spec.image: .*invalid image/u],
    ["B20 a negative concurrency", { ...upgrade, concurrency: -1 }, /spec.concurrency: .*negative/u],
    ["B18 no spec", undefined, /spec is missing/u],
  ])("%s is refused in a NodeUpgradeJob of either version", async (_name, spec, message) => {
    for (const version of ["v1alpha1", "v1alpha2"]) {
      const job = {
        apiVersion: `operations.kubeedge.io/${version}`,
        kind: "NodeUpgradeJob",
        metadata: { name: "bad" },
      };
      await expect(create({ ...job, spec })).rejects.toThrow(message);
    }
  });

  test.each(["kubeedge/installation-package", "reg.io:5000/a/b:v1", `a/b@${DIGEST}`, ""])(
    "A28 the image %j of a NodeUpgradeJob is taken",
    async (image) => {
      const job = { apiVersion: "operations.kubeedge.io/v1alpha1", kind: "NodeUpgradeJob" };
      await create({ ...job, metadata: { name: "image" }, spec: { ...upgrade, image } }, "--dry-run=server");
    },
  );

  const config = (updateFields: object, more: object = onNode): [string, object] => [
    "ConfigUpdateJob",
    { ...more, updateFields },
  ];
  const prePull = (template: object): [string, object] => [
    "ImagePrePullJob",
    { imagePrePullTemplate: template },
  ];
  test.each([
    ["S10 a value that carries a command", config({ "modules.a": "x;reboot" }), /updateFields/u],
    ["S10 a value that sets another field", config({ "modules.a": "1,modules.b=2" }), /updateFields/u],
    ["S10 a field that sets another", config({ "modules.a=1,modules.b": "2" }), /invalid field/u],
    ["S10 a field that is none", config({ kind: "x" }), /invalid field/u],
    ["B21 a ConfigUpdateJob for nobody", config({}, {}), /exactly one/u],
    ["B21 both selectors", prePull({ ...onNode, labelSelector: {} }), /exactly one/u],
    ["A33 an image that is none", prePull({ ...onNode, images: ["busybox", "$(id)"] }), /images\[1\]/u],
    ["B20 negative retries", prePull({ ...onNode, retryTimes: -1 }), /retryTimes: .*negative/u],
    ["A33 a job without a template", ["ImagePrePullJob", {}] as [string, object], /missing/u],
  ])("%s is refused", async (_name, [kind, spec], message) => {
    const job = { apiVersion: "operations.kubeedge.io/v1alpha2", kind, metadata: { name: "bad" }, spec };
    await expect(create(job)).rejects.toThrow(message);
  });

  test.each(["65536", "0", "x", undefined])("A40 a servicebus with port %j is refused", async (port) => {
    const endpoint = { apiVersion: "rules.kubeedge.io/v1", kind: "RuleEndpoint", metadata: { name: "bad" } };
    const spec = {
      ruleEndpointType: "servicebus",
      properties: port === undefined ? {} : { service_port: port },
    };
    await expect(create({ ...endpoint, spec })).rejects.toThrow(/service_port/u);
  });

  test("A28 the spec of a NodeUpgradeJob stays, while what clients rewrite may change", async () => {
    const job = {
      metadata: { name: "fixed" },
      spec: { version: "v1.23.0", labelSelector: {}, nodeNames: [] },
    };
    await create({ apiVersion: "operations.kubeedge.io/v1alpha2", kind: "NodeUpgradeJob", ...job });
    const patch = (spec: object): Promise<string> =>
      api.kubectl(["patch", "nuj", "fixed", "--type=merge", "-p", JSON.stringify({ spec })]);
    await expect(patch({ version: "v1.24.0" })).rejects.toThrow(/not allowed to update/u);
    const changes = [
      { image: "a/other" },
      { nodeNames: ["n"], labelSelector: null },
      { labelSelector: { matchLabels: { a: "b" } } },
      ...[{ concurrency: 2 }, { timeoutSeconds: 1 }, { failureTolerate: "0.5" }, { checkItems: ["cpu"] }],
      ...[{ requireConfirmation: true }, { imageDigestGatter: { amd64: DIGEST } }],
    ];
    for (const change of changes) await expect(patch(change)).rejects.toThrow(/not allowed to update/u);
    await patch({ nodeNames: null, requireConfirmation: false, concurrency: 0, timeoutSeconds: null });
  });

  test("status of a Device is written through the main resource, with what KubeEdge has no word for", async () => {
    const status = {
      reportToCloud: true,
      extension: { any: "thing" },
      state: "online",
      summary: { properties: 1 },
    };
    await api.kubectl([
      "patch",
      "device",
      "sensor-tag-instance-02",
      "--type=merge",
      "-p",
      JSON.stringify({ status }),
    ]);
    const stored = await api.kubectl(["get", "dev", "sensor-tag-instance-02", "-o", "jsonpath={.status}"]);
    expect(JSON.parse(stored)).toEqual(status);
  });

  test("conditions and counts survive a status write through the older version of a job", async () => {
    const status = {
      phase: "InProgress",
      summary: { total: 3, done: 1, failed: 0, running: 1 },
      conditions: [
        {
          ...{ type: "Progressing", status: "True", observedGeneration: 1, reason: "NodeStarted" },
          ...{ message: "1 of 3 nodes done.", lastTransitionTime: "2026-01-01T00:00:00Z" },
        },
      ],
    };
    const name = "upgrade-example";
    const patch = (resource: string, value: object): Promise<string> =>
      api.kubectl([
        ...["patch", resource, name, "--subresource=status", "--type=merge"],
        ...["-p", JSON.stringify({ status: value })],
      ]);
    await patch("nodeupgradejobs.v1alpha2.operations.kubeedge.io", status);
    await patch("nodeupgradejobs.v1alpha1.operations.kubeedge.io", { state: "Upgrading" });
    const row = await api.kubectl(["get", "nuj", name, "--no-headers"]);
    expect(row).toMatch(/^upgrade-example +v1\.23\.0 .* 3 +1 +0 /u);
    const conditions = await api.kubectl(["get", "nuj", name, "-o", "jsonpath={.status.conditions}"]);
    expect(JSON.parse(conditions)).toEqual(status.conditions);
  });
});

type Listed = {
  metadata: { name: string };
  status: { conditions: { type: string; status: string }[] };
};

async function items(api: ApiServer, resource: string): Promise<Listed[]> {
  const list = JSON.parse(await api.kubectl(["get", resource, "-o", "json"])) as { items: Listed[] };
  return list.items;
}

function conditionOf(item: Listed, type: string): string | undefined {
  return item.status.conditions.find((condition) => condition.type === type)?.status;
}
