// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { startApiServer, type ApiServer } from "./apiserver.ts";
import { examples } from "./examples.ts";

type Shape = {
  group: string;
  kind: string;
  plural: string;
  singular: string;
  scope: string;
  shortNames: string[];
  versions: { subresources: string[]; schema: object; [field: string]: unknown }[];
};

describe("a cluster that has KubeEdge's CRDs and objects", () => {
  let api: ApiServer;
  let stop = (): Promise<void> => Promise.resolve();
  beforeAll(async () => {
    api = await startApiServer();
    stop = () => api.stop();
    await api.kubectl(["create", "-f", "-"], JSON.stringify(await kubeEdgeCrds()));
    await api.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
    const items = [...examples.map(({ apiVersion, kind, object }) => ({ apiVersion, kind, ...object })), lax];
    await api.kubectl(["create", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }));
    const manifests = join(import.meta.dirname, "../manifests");
    await api.kubectl(["apply", "--server-side", "--force-conflicts", "-f", manifests]);
  }, 120_000);
  afterAll(() => stop());

  test.each(examples)(
    "keeps a $kind as it was, and lets clients go on writing it",
    async ({ plural, object }) => {
      const { name } = object.metadata;
      const read = async (): Promise<unknown> =>
        JSON.parse(await api.kubectl(["get", plural, name, "-o", "json"]));
      expect(await read()).toMatchObject(object);
      await api.kubectl(["label", plural, name, "touched=yes"]);
      expect(await read()).toMatchObject({ ...object, metadata: { name, labels: { touched: "yes" } } });
    },
  );

  test("keeps a job that no admission looked at, and its status can still be written", async () => {
    const status = JSON.stringify({ status: { phase: "Failure", reason: "invalid version" } });
    await api.kubectl([
      ...[
        "patch",
        "nodeupgradejobs",
        lax.metadata.name,
        "--subresource=status",
        "--type=merge",
        "-p",
        status,
      ],
    ]);
    expect(await api.kubectl(["get", "nuj", lax.metadata.name])).toContain("latest");
  });
});

/** With KubeEdge's admission off, which is its default, such a job can have been stored. */
const lax = {
  ...{ apiVersion: "operations.kubeedge.io/v1alpha2", kind: "NodeUpgradeJob", metadata: { name: "lax" } },
  spec: { version: "latest", nodeNames: ["a"], labelSelector: { matchLabels: { a: "b" } } },
};

async function kubeEdgeCrds(): Promise<object> {
  const text = await readFile(join(import.meta.dirname, "shapes/crd-shapes.json"), "utf8");
  const shapes = Object.entries(JSON.parse(text) as Record<string, Shape>);
  const items = shapes.map(([name, { group, scope, versions, kind, plural, singular, shortNames }]) => ({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name },
    spec: {
      ...{ group, scope, names: { kind, plural, singular, shortNames } },
      versions: versions.map(({ subresources, schema, ...version }) => ({
        ...version,
        schema: { openAPIV3Schema: schema },
        subresources: Object.fromEntries(subresources.map((subresource) => [subresource, {}])),
      })),
    },
  }));
  return { apiVersion: "v1", kind: "List", items };
}
