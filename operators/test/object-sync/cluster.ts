// SPDX-License-Identifier: Apache-2.0
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parse, parseAllDocuments } from "yaml";
import { CLUSTER_OBJECT_SYNC, OBJECT_SYNC } from "../../src/object-sync/record.ts";
import type { Client, Resource } from "../../src/runtime/index.ts";
import { eventually } from "../runtime/eventually.ts";

const CRDS: Resource = {
  ...{ group: "apiextensions.k8s.io", version: "v1", plural: "customresourcedefinitions" },
  ...{ kind: "CustomResourceDefinition", namespaced: false },
};

/** Installs both kinds of records, and waits until they are served. */
export async function installRecordKinds(client: Client): Promise<void> {
  for (const { plural, group } of [OBJECT_SYNC, CLUSTER_OBJECT_SYNC]) {
    const path = new URL(`../../../crds/manifests/${plural}.${group}.yaml`, import.meta.url);
    await client.create(CRDS, parse(await readFile(fileURLToPath(path), "utf8")) as object);
  }
  await eventually(async () => {
    for (const resource of [OBJECT_SYNC, CLUSTER_OBJECT_SYNC]) await client.list(resource, { limit: 1 });
  });
}

const rbac = (kind: string, plural: string): Resource => ({
  ...{ group: "rbac.authorization.k8s.io", version: "v1", plural, kind, namespaced: false },
});

/** Gives a user the ClusterRole of the controllers, as it is deployed. */
export async function grantRole(client: Client, user: string): Promise<void> {
  const path = new URL("../../../config/rbac/controllers.yaml", import.meta.url);
  const role = parseAllDocuments(await readFile(fileURLToPath(path), "utf8"))[0]?.toJS() as object;
  await client.create(rbac("ClusterRole", "clusterroles"), role);
  await client.create(rbac("ClusterRoleBinding", "clusterrolebindings"), {
    metadata: { name: user },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "longshore-controllers" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }],
  });
}
