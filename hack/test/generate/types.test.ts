// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from "@jest/globals";
import { join } from "node:path";
import { docOutputs } from "../../generate/docs.ts";
import { readKinds, type KindVersion, type Schema } from "../../generate/manifests.ts";
import { protoOutputs } from "../../generate/protos.ts";
import { schemaOutputs } from "../../generate/schemas.ts";
import { staleOutputs } from "../../generate/outputs.ts";
import { typeOutputs } from "../../generate/types.ts";

const root = join(import.meta.dirname, "../../..");
const text = { type: "string" };

function kindOf(kind: string, spec: Schema): KindVersion {
  const schema = { type: "object", properties: { metadata: { type: "object" }, spec } };
  return { folder: "things", group: "things.example", version: "v1", kind, schema };
}

async function typesOf(...kinds: KindVersion[]): Promise<string> {
  return (await typeOutputs(kinds)).get("crds/src/things/v1/types.gen.ts") ?? "";
}

describe("generated types", () => {
  test("a kind has its constants, its metadata and a named spec", async () => {
    const types = await typesOf(
      kindOf("Thing", { type: "object", properties: { a: text }, required: ["a"] }),
    );
    expect(types).toContain('import type { ObjectMeta } from "../../meta.ts";');
    for (const line of ['apiVersion: "things.example/v1";', 'kind: "Thing";', "metadata: ObjectMeta;"]) {
      expect(types).toContain(`  ${line}\n`);
    }
    expect(types).toContain("spec?: ThingSpec;");
    expect(types).toMatch(/export interface ThingSpec \{\n {2}a: string;\n\}/u);
  });

  test("items of lists are named in the singular, and equal parts share a name", async () => {
    const item = { type: "object", properties: { name: text } };
    const list = { type: "array", items: item };
    const nested = { type: "object", properties: { entries: list } };
    const types = await typesOf(kindOf("Thing", { type: "object", properties: { entries: list, nested } }));
    expect(types.match(/export interface ThingEntry \{/gu)).toHaveLength(1);
    expect(types.match(/ThingEntry\[\]/gu)).toHaveLength(2);
  });

  test("parts that differ under one name are told apart by their parent's", async () => {
    const list = (schema: Schema): Schema => ({
      type: "array",
      items: { type: "object", properties: { v: schema } },
    });
    const inner = { type: "object", properties: { entries: list({ type: "integer" }) } };
    const types = await typesOf(
      kindOf("Thing", { type: "object", properties: { entries: list(text), inner } }),
    );
    expect(types).toContain("entries?: ThingEntry[];");
    expect(types).toContain("entries?: ThingInnerEntry[];");
  });

  test("free-form objects, quantities, enums and descriptions come through", async () => {
    const types = await typesOf(
      kindOf("Thing", {
        type: "object",
        properties: {
          config: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
          limits: { type: "object", additionalProperties: { "x-kubernetes-int-or-string": true } },
          mode: { type: "string", enum: ["On", "Off"], description: "How it runs." },
        },
      }),
    );
    expect(types).toMatch(/config\?: \{\n\s+\[k: string\]: unknown;/u);
    expect(types).toMatch(/limits\?: \{\n\s+\[k: string\]: number \| string;/u);
    expect(types).toContain('/** How it runs. */\n  mode?: "On" | "Off";');
  });
});

describe("generation", () => {
  test("reads every version of every kind", async () => {
    expect(await readKinds(root)).toHaveLength(19);
  });

  test("gives the same text twice, and it is what is committed", async () => {
    const generate = async (): Promise<Map<string, string>> => {
      const kinds = await readKinds(root);
      return new Map([
        ...(await protoOutputs(root)),
        ...(await typeOutputs(kinds)),
        ...schemaOutputs(kinds),
        ...docOutputs(),
      ]);
    };
    const outputs = await generate();
    expect(outputs.size).toBe(23);
    expect(await generate()).toEqual(outputs);
    expect(await staleOutputs(root, outputs)).toEqual([]);
  }, 60_000);
});
