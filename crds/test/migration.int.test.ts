// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { untilEstablished } from "../../hack/cluster/established.ts";
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

interface Stored {
  readonly spec?: object;
  readonly status?: object;
}
const VERSIONS: Readonly<Record<string, readonly string[]>> = {
  NodeUpgradeJob: ["v1alpha1", "v1alpha2"],
  ImagePrePullJob: ["v1alpha1", "v1alpha2"],
  ConfigUpdateJob: ["v1alpha2"],
};

interface Lax {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: object;
}

const laxJob = (kind: string, name: string, spec?: object, version = "v1alpha2"): Lax => ({
  apiVersion: `operations.kubeedge.io/${version}`,
  kind,
  metadata: { name },
  ...(spec && { spec }),
});
const BOTH = { nodeNames: ["a"], labelSelector: { matchLabels: { a: "b" } } };

const laxOnes: readonly Lax[] = [
  laxJob("NodeUpgradeJob", "nothing"),
  laxJob("NodeUpgradeJob", "empty", {}),
  laxJob("NodeUpgradeJob", "numbers", { version: "v1", nodeNames: ["a"], concurrency: -1, image: "$(id)" }),
  laxJob("NodeUpgradeJob", "older", { version: "latest", ...BOTH }, "v1alpha1"),
  laxJob("ImagePrePullJob", "empty", { imagePrePullTemplate: {} }),
  laxJob("ImagePrePullJob", "both", {
    imagePrePullTemplate: { images: ["$(id)", "a"], ...BOTH, retryTimes: -1 },
  }),
  laxJob("ImagePrePullJob", "older", { imagePrePullTemplate: { images: ["a b"] } }, "v1alpha1"),
  laxJob("ConfigUpdateJob", "empty", { updateFields: {} }),
  laxJob("ConfigUpdateJob", "keys", { ...BOTH, updateFields: { "a=b": "c", "modules.x": "y;z" } }),
  {
    ...{ apiVersion: "rules.kubeedge.io/v1", kind: "RuleEndpoint", metadata: { name: "no-port" } },
    spec: { ruleEndpointType: "servicebus", properties: {} },
  },
];

describe("a cluster that has KubeEdge's CRDs and objects", () => {
  let api: ApiServer;
  let stop = (): Promise<void> => Promise.resolve();
  beforeAll(async () => {
    api = await startApiServer();
    stop = () => api.stop();
    await api.kubectl(["create", "-f", "-"], JSON.stringify(await kubeEdgeCrds()));
    await untilEstablished((args) => api.kubectl(args));
    const items = [
      ...examples.map(({ apiVersion, kind, object }) => ({ apiVersion, kind, ...object })),
      lax,
      ...laxOnes,
    ];
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

  test.each(laxOnes.map((one) => [`${one.kind} ${one.metadata.name} of ${one.apiVersion}`, one] as const))(
    "%s, which our rules would refuse, is labelled, gets its status, is applied again and deleted",
    async (_, { apiVersion, kind, metadata: { name }, spec }) => {
      const [group = "", version = ""] = apiVersion.split("/");
      const plural = `${kind.toLowerCase()}s`;
      const path = `/apis/${group}/${version}/${kind === "RuleEndpoint" ? "namespaces/default/" : ""}${plural}/${name}`;
      const read = async (at = path): Promise<Stored> =>
        JSON.parse(await api.kubectl(["get", "--raw", at])) as Stored;
      const before = await read();
      await expect(
        api.kubectl(["create", "-f", "-"], JSON.stringify({ ...before, metadata: { name: `${name}-2` } })),
      ).rejects.toThrow();

      await api.kubectl(["label", plural, name, "touched=yes"]);
      for (const at of kind === "RuleEndpoint"
        ? []
        : (VERSIONS[kind]?.map((v) => path.replace(`/${version}/`, `/${v}/`)) ?? [])) {
        const now = await read(at);
        // As CloudCore: the whole object, at its status, and a merge patch of it.
        await api.kubectl(
          ["replace", "--raw", `${at}/status`, "-f", "-"],
          JSON.stringify({ ...now, status: { phase: "Failure", reason: "whole" } }),
        );
        expect((await read()).status).toMatchObject({ reason: "whole" });
        const status = JSON.stringify({ status: { phase: "Failure", reason: "patched" } });
        await api.kubectl([
          "patch",
          `${plural}.${at.split("/")[3] ?? ""}.${group}`,
          name,
          "--subresource=status",
          "--type=merge",
          "-p",
          status,
        ]);
        expect((await read()).status).toMatchObject({ reason: "patched" });
      }
      const again = {
        apiVersion,
        kind,
        metadata: { name, annotations: { again: "yes" } },
        ...(spec && { spec }),
      };
      await api.kubectl(["apply", "-f", "-"], JSON.stringify(again));
      await api.kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], JSON.stringify(again));
      expect((await read()).spec).toEqual(before.spec);
      const finalizers = JSON.stringify({ metadata: { finalizers: ["longshore.io/test"] } });
      await api.kubectl(["patch", plural, name, "--type=merge", "-p", finalizers]);
      await api.kubectl(["delete", plural, name, "--wait=false"]);
      await api.kubectl(["patch", plural, name, "--type=merge", "-p", '{"metadata":{"finalizers":null}}']);
      expect(await api.kubectl(["get", plural, name, "--ignore-not-found"])).toBe("");
    },
  );
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
