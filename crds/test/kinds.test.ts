// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from "@jest/globals";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { kinds, type Kind } from "../src/kinds.ts";

type Manifest = {
  spec: {
    group: string;
    scope: string;
    names: { kind: string; plural: string; singular: string; shortNames?: string[] };
    versions: {
      name: string;
      storage: boolean;
      subresources?: object;
      schema: { openAPIV3Schema: Schema };
    }[];
  };
};
type Schema = { properties: Record<string, { properties?: Record<string, unknown> }> };

const folder = join(import.meta.dirname, "../manifests");

async function manifests(): Promise<Manifest[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".yaml"));
  return Promise.all(
    files.map(async (file) => parse(await readFile(join(folder, file), "utf8")) as Manifest),
  );
}

describe("table of kinds", () => {
  test("says of each kind what its manifest says", async () => {
    const all = await manifests();
    expect(all.map(({ spec }) => spec.names.kind).sort()).toEqual(Object.keys(kinds).sort());
    const table: Record<string, Kind> = kinds;
    for (const { spec } of all) {
      const { group, scope, names, versions } = spec;
      const stored = versions.find((version) => version.storage);
      expect(table[names.kind]).toMatchObject({
        ...{ group, kind: names.kind, plural: names.plural, singular: names.singular },
        ...{ shortNames: names.shortNames ?? [], namespaced: scope === "Namespaced" },
        ...{ version: stored?.name, versions: versions.map(({ name }) => name) },
        statusSubresource: stored?.subresources !== undefined,
      });
    }
  });

  test("names conditions only where the schema has a place for them", async () => {
    for (const { spec } of await manifests()) {
      const kind: Kind = kinds[spec.names.kind as keyof typeof kinds];
      const status = spec.versions[0]?.schema.openAPIV3Schema.properties["status"];
      const place = status?.properties?.["conditions"] !== undefined;
      expect({ kind: kind.kind, place }).toEqual({
        kind: kind.kind,
        place: Object.keys(kind.conditions).length > 0,
      });
    }
  });

  test("conditions and reasons are CamelCase words", () => {
    const all: Kind[] = Object.values(kinds);
    const words = all.flatMap(({ conditions }) =>
      Object.entries(conditions).flatMap(([type, { reasons }]) => [type, ...reasons]),
    );
    expect(words.length).toBeGreaterThan(60);
    expect(words.filter((word) => !/^([A-Z][a-z]+)+$/u.test(word))).toEqual([]);
  });
});
