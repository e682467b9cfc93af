// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { join } from "node:path";
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
    await api.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
  }, 120_000);
  afterAll(() => stop());

  const create = (object: object, ...flags: string[]): Promise<string> =>
    api.kubectl(["create", "-f", "-", ...flags], JSON.stringify(object));

  test("the API server finds no fault in any schema", async () => {
    const crds = await items(api, "crd");
    expect(crds).toHaveLength(13);
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
    expect(resources.trim().split("\n")).toHaveLength(13);
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

  test.each([
    ["no selector", { version: "v1.23.0" }, /exactly one of nodeNames and labelSelector/u],
    ["both selectors", { version: "v1.23.0", nodeNames: ["n"], labelSelector: {} }, /exactly one/u],
    ["a version that is none", { version: "1.23", nodeNames: ["n"] }, /spec.version/u],
    ["a version that carries a command", { version: "v1.23.0; reboot", nodeNames: ["n"] }, /spec.version/u],
  ])("%s is refused in a NodeUpgradeJob", async (_name, spec, message) => {
    for (const version of ["v1alpha1", "v1alpha2"]) {
      const job = {
        apiVersion: `operations.kubeedge.io/${version}`,
        kind: "NodeUpgradeJob",
        metadata: { name: "bad" },
      };
      await expect(create({ ...job, spec })).rejects.toThrow(message);
    }
  });

  test("the version of a NodeUpgradeJob stays, while what clients rewrite may change", async () => {
    const job = {
      metadata: { name: "fixed" },
      spec: { version: "v1.23.0", labelSelector: {}, nodeNames: [] },
    };
    await create({ apiVersion: "operations.kubeedge.io/v1alpha2", kind: "NodeUpgradeJob", ...job });
    const patch = (spec: object): Promise<string> =>
      api.kubectl(["patch", "nuj", "fixed", "--type=merge", "-p", JSON.stringify({ spec })]);
    await expect(patch({ version: "v1.24.0" })).rejects.toThrow(/not allowed to update/u);
    await expect(patch({ image: "other" })).rejects.toThrow(/not allowed to update/u);
    await patch({ nodeNames: null, requireConfirmation: false });
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
