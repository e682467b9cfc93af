// SPDX-License-Identifier: Apache-2.0
import { beforeAll, describe, expect, test } from "@jest/globals";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { compareSchemas, countNodes, type Schema } from "./parity.ts";

type Shape = {
  group: string;
  kind: string;
  plural: string;
  singular: string;
  scope: string;
  shortNames: string[];
  versions: { name: string; served: boolean; storage: boolean; subresources: string[]; schema: Schema }[];
};

type Column = { name: string; type: string; jsonPath: string; priority?: number };

type Manifest = {
  metadata: { name: string };
  spec: {
    group: string;
    scope: string;
    names: { kind: string; plural: string; singular: string; shortNames?: string[]; categories: string[] };
    versions: {
      name: string;
      served: boolean;
      storage: boolean;
      subresources?: object;
      additionalPrinterColumns: Column[];
      schema: { openAPIV3Schema: Schema };
    }[];
  };
};

const folder = join(import.meta.dirname, "../manifests");
const shapesFile = join(import.meta.dirname, "shapes/crd-shapes.json");

/** What does not end so is an addition of ours. */
const KUBEEDGE = ".kubeedge.io";

describe("parity with KubeEdge's CRDs", () => {
  let shapes: Record<string, Shape>;
  let manifests: Map<string, Manifest>;
  beforeAll(async () => {
    shapes = JSON.parse(await readFile(shapesFile, "utf8")) as Record<string, Shape>;
    const files = (await readdir(folder)).filter((file) => file.endsWith(".yaml"));
    const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
    manifests = new Map(texts.map((text) => parse(text) as Manifest).map((crd) => [crd.metadata.name, crd]));
  });

  const manifestOf = (name: string): Manifest => {
    const manifest = manifests.get(name);
    if (manifest === undefined) throw new Error(`no manifest of ${name}`);
    return manifest;
  };
  const versionOf = (name: string, version: string): Manifest["spec"]["versions"][number] => {
    const found = manifestOf(name).spec.versions.find((candidate) => candidate.name === version);
    if (found === undefined) throw new Error(`${name} has no version ${version}`);
    return found;
  };

  test("the same 13 kinds, by name, scope and short names", () => {
    expect(Object.keys(shapes)).toHaveLength(13);
    expect([...manifests.keys()].filter((name) => name.endsWith(KUBEEDGE)).sort()).toEqual(
      Object.keys(shapes).sort(),
    );
    for (const [name, shape] of Object.entries(shapes)) {
      const { group, scope, names } = manifestOf(name).spec;
      const { kind, plural, singular } = shape;
      expect({ group, scope, ...names }).toMatchObject({
        group: shape.group,
        scope: shape.scope,
        kind,
        plural,
        singular,
      });
      expect(names.shortNames ?? []).toEqual(expect.arrayContaining(shape.shortNames));
    }
  });

  test("the same versions, served and stored alike, with the same subresources", () => {
    const versions = Object.entries(shapes).flatMap(([name, shape]) =>
      shape.versions.map((version) => ({ name, version })),
    );
    expect(versions).toHaveLength(18);
    for (const { name, version } of versions) {
      const { served, storage, subresources } = versionOf(name, version.name);
      expect({ name, served, storage, subresources: Object.keys(subresources ?? {}) }).toEqual({
        ...{ name, served: version.served, storage: version.storage, subresources: version.subresources },
      });
    }
    const theirs = [...manifests.values()].filter((crd) => crd.metadata.name.endsWith(KUBEEDGE));
    const ours = theirs.flatMap((crd) => crd.spec.versions);
    expect(ours).toHaveLength(versions.length);
  });

  test("schemas keep every field and constraint and only add", () => {
    let nodes = 0;
    const differences: string[] = [];
    for (const [name, shape] of Object.entries(shapes)) {
      for (const version of shape.versions) {
        nodes += countNodes(version.schema);
        const ours = versionOf(name, version.name).schema.openAPIV3Schema;
        differences.push(...compareSchemas(version.schema, ours, `${name}/${version.name}`));
      }
    }
    expect(differences).toEqual([]);
    expect(nodes).toBeGreaterThan(800);
  });

  test("columns start with what matters, end with the age, and stay under eight", () => {
    for (const crd of manifests.values()) {
      const isOurs = !crd.metadata.name.endsWith(KUBEEDGE);
      expect(crd.spec.names.categories).toEqual(isOurs ? ["longshore"] : ["longshore", "kubeedge"]);
      for (const version of crd.spec.versions) {
        const shown = version.additionalPrinterColumns.filter((column) => column.priority === undefined);
        expect(shown.length).toBeLessThanOrEqual(7);
        expect(shown.at(-1)?.type).toBe("date");
      }
    }
  });

  test("every column reads a field that the schema has", () => {
    const paths = [...manifests.values()].flatMap((crd) =>
      crd.spec.versions.flatMap((version) =>
        version.additionalPrinterColumns.map((column) => ({
          where: `${crd.metadata.name}/${version.name} ${column.jsonPath}`,
          found: hasPath(version.schema.openAPIV3Schema, column.jsonPath),
        })),
      ),
    );
    expect(paths.length).toBeGreaterThan(60);
    expect(paths.filter(({ found }) => !found).map(({ where }) => where)).toEqual([]);
  });
});

describe("the comparison itself", () => {
  const theirs: Schema = {
    type: "object",
    required: ["a"],
    properties: {
      a: { type: "string", enum: ["x"] },
      b: { type: "array", items: { type: "object", properties: {} } },
    },
  };

  test.each<[string, Schema, number]>([
    ["equal", theirs, 0],
    ["a field more", { ...theirs, properties: { ...theirs.properties, c: { type: "string" } } }, 0],
    ["a field less", { ...theirs, properties: { b: theirs.properties?.["b"] ?? {} } }, 1],
    ["a requirement more", { ...theirs, required: ["a", "b"] }, 1],
    ["a requirement less", { type: "object", properties: theirs.properties ?? {} }, 1],
    [
      "another type",
      { ...theirs, properties: { ...theirs.properties, a: { type: "integer", enum: ["x"] } } },
      1,
    ],
    ["an enum lost", { ...theirs, properties: { ...theirs.properties, a: { type: "string" } } }, 1],
    [
      "items of another type",
      { ...theirs, properties: { ...theirs.properties, b: { type: "array", items: { type: "string" } } } },
      1,
    ],
    [
      "a new limit on an old field",
      { ...theirs, properties: { ...theirs.properties, b: { ...theirs.properties?.["b"], maxItems: 3 } } },
      1,
    ],
  ])("%s", (_name, ours, faults) => {
    expect(compareSchemas(theirs, ours, "")).toHaveLength(faults);
  });
});

function hasPath(schema: Schema, jsonPath: string): boolean {
  const fields = jsonPath
    .replace(/\[(?:\?\(.*?\)|\d+)\]/u, ".[]")
    .split(".")
    .filter(Boolean);
  if (fields[0] === "metadata" && fields[1] === "creationTimestamp") return true;
  let node: Schema | undefined = schema;
  for (const field of fields) node = field === "[]" ? node?.items : node?.properties?.[field];
  return node !== undefined;
}
