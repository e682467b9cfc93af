// SPDX-License-Identifier: Apache-2.0
import { readFile, readdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "yaml";
import type { Client, KubeObject, Resource } from "../src/runtime/client.ts";

const MANIFESTS = new URL("../../crds/manifests/", import.meta.url);
const DEFINITIONS: Resource = {
  group: "apiextensions.k8s.io",
  version: "v1",
  plural: "customresourcedefinitions",
  kind: "CustomResourceDefinition",
  namespaced: false,
};

interface Definition extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Defines all kinds of ours on a test's API server, and waits until they are served. */
export async function installCrds(client: Client): Promise<void> {
  const files = (await readdir(MANIFESTS)).filter((file) => file.endsWith(".yaml"));
  const made = await Promise.all(
    files.map(async (file) => {
      const definition = parse(await readFile(new URL(file, MANIFESTS), "utf8")) as KubeObject;
      return await client.create<Definition>(DEFINITIONS, definition);
    }),
  );
  await Promise.all(made.map(({ metadata }) => established(client, metadata.name)));
}

async function established(client: Client, name: string): Promise<void> {
  const endMs = performance.now() + 30_000;
  while (performance.now() < endMs) {
    const { status } = await client.get<Definition>(DEFINITIONS, { name });
    const isServed = status?.conditions?.some((c) => c.type === "Established" && c.status === "True");
    if (isServed === true) return;
    await sleep(50);
  }
  throw new Error(`${name} is not served`);
}
