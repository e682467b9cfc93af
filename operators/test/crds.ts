// SPDX-License-Identifier: Apache-2.0
import { readFile, readdir } from "node:fs/promises";
import { parse } from "yaml";
import type { Client, KubeObject, Resource } from "../src/runtime/client.ts";
import { eventually } from "./runtime/eventually.ts";

const MANIFESTS = new URL("../../crds/manifests/", import.meta.url);
const DEFINITIONS: Resource = {
  group: "apiextensions.k8s.io",
  version: "v1",
  plural: "customresourcedefinitions",
  kind: "CustomResourceDefinition",
  namespaced: false,
};
const WITHIN_MS = 60_000;

interface Definition extends KubeObject {
  readonly spec: {
    readonly group: string;
    readonly scope: "Cluster" | "Namespaced";
    readonly names: { readonly plural: string; readonly kind: string };
    readonly versions: readonly { readonly name: string }[];
  };
}

/** Defines all kinds of ours on a test's API server, and waits until they are served, in each version. */
export async function installCrds(client: Client): Promise<void> {
  const files = (await readdir(MANIFESTS)).filter((file) => file.endsWith(".yaml"));
  await Promise.all(
    files.map(async (file) => {
      const definition = parse(await readFile(new URL(file, MANIFESTS), "utf8")) as Definition;
      // An API server that has just started may answer late, and may have done what it did not answer.
      await eventually(async () => {
        await client.apply(DEFINITIONS, definition, { fieldManager: "test" });
      }, WITHIN_MS);
      for (const kind of kindsOf(definition))
        await eventually(async () => {
          await client.list(kind);
        }, WITHIN_MS);
    }),
  );
}

const kindsOf = ({ spec: { group, scope, names, versions } }: Definition): Resource[] =>
  versions.map((version) => ({
    ...{ group, version: version.name, ...names },
    namespaced: scope === "Namespaced",
  }));
