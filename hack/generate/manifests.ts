// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";

/** The part of an OpenAPI v3 schema that CRDs use. */
export type Schema = {
  type?: string;
  description?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema | boolean;
  required?: string[];
  [keyword: string]: unknown;
};

/** One served version of one kind. */
export type KindVersion = {
  /** First label of the API group, and name of its folder: devices, apps, … */
  folder: string;
  group: string;
  version: string;
  kind: string;
  schema: Schema;
};

type Manifest = {
  spec: {
    group: string;
    names: { kind: string };
    versions: { name: string; schema: { openAPIV3Schema: Schema } }[];
  };
};

/** All versions of all kinds in `crds/manifests`, by kind. Fails on none: nothing generated is no success. */
export async function readKinds(root: string): Promise<KindVersion[]> {
  const folder = join(root, "crds/manifests");
  const files = (await readdir(folder)).filter((file) => file.endsWith(".yaml")).sort();
  if (files.length === 0) throw new Error(`no manifests in ${folder}`);
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  return texts.flatMap((text) => versionsOf(parse(text) as Manifest));
}

function versionsOf({ spec }: Manifest): KindVersion[] {
  return spec.versions.map((version) => ({
    folder: spec.group.split(".")[0]!,
    group: spec.group,
    version: version.name,
    kind: spec.names.kind,
    schema: version.schema.openAPIV3Schema,
  }));
}
