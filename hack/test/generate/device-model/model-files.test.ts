// SPDX-License-Identifier: Apache-2.0
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Ajv } from "ajv";
import fc from "fast-check";
import ts from "typescript";
import { modelFiles } from "../../../generate/device-model/index.ts";

const root = join(import.meta.dirname, "../../../..");
/** JSON is YAML. */
const yamlOf = (name: string, properties: readonly object[], over: object = {}): string =>
  JSON.stringify({
    ...{ apiVersion: "devices.kubeedge.io/v1beta1", kind: "DeviceModel", metadata: { name } },
    ...{ spec: { protocol: "modbus", properties }, ...over },
  });
const SENSOR = yamlOf("sensor-tag.v2", [
  {
    ...{ name: "temperature", description: "temperature in degree celsius", type: "INT" },
    ...{ accessMode: "ReadWrite", minimum: "-40", maximum: "100", unit: "degree celsius" },
  },
  { name: "uptime", type: "INT", accessMode: "ReadOnly" },
  { name: "ratio", type: "DOUBLE", accessMode: "ReadWrite", minimum: "0.5" },
  { name: "lit", type: "BOOLEAN", accessMode: "ReadWrite" },
  { name: "label", type: "STRING", accessMode: "ReadWrite" },
  { name: "picture", type: "BYTES", accessMode: "ReadOnly" },
  { name: "video", type: "STREAM", accessMode: "ReadOnly" },
]);
const fileOf = (text: string, name: string): string => modelFiles(text).get(name) ?? "";
const schemaOf = (text: string, name: string): object =>
  JSON.parse(fileOf(text, `${name}.schema.json`)) as object;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "longshore-model-types-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** @returns what the compiler has to say about the files */
async function compile(files: Record<string, string>): Promise<string[]> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const program = ts.createProgram(
    Object.keys(files).map((name) => join(folder, name)),
    {
      ...{ strict: true, noEmit: true, allowImportingTsExtensions: true, types: [] },
      ...{ target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.NodeNext, erasableSyntaxOnly: true },
      ...{ moduleResolution: ts.ModuleResolutionKind.NodeNext },
    },
  );
  return ts.getPreEmitDiagnostics(program).map(({ messageText, file, start }) => {
    const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start ?? 0).line + 1;
    return `${line}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
  });
}

describe("the types of a model", () => {
  it("have each property with its type, and its range and unit beside it", () => {
    const text = fileOf(SENSOR, "sensor-tag.v2.ts");
    expect(text).toContain(
      [
        "export interface SensorTagV2 {",
        "  /** temperature in degree celsius. INT, -40 to 100, in degree celsius. */",
        "  temperature: number;",
        "  /** INT. */",
        "  readonly uptime: number | bigint;",
        "  /** DOUBLE, at least 0.5. */",
        "  ratio: number;",
        "  /** BOOLEAN. */",
        "  lit: boolean;",
        "  /** STRING. */",
        "  label: string;",
        "  /** BYTES. */",
        "  readonly picture: Uint8Array;",
        "}",
      ].join("\n"),
    );
    expect(text).toContain('export type SensorTagV2Writable = "temperature" | "ratio" | "lit" | "label";');
    expect(text).toContain('export type SensorTagV2Stream = "video";');
  });

  it("are the same for the same model", () => {
    expect([...modelFiles(SENSOR)]).toEqual([...modelFiles(SENSOR)]);
  });

  it("compile, and refuse a renamed property, another type and a write of what is read only", async () => {
    const use = [
      'import { sensorTagV2Model, type SensorTagV2, type SensorTagV2Property } from "./sensor-tag.v2.ts";',
      "declare const device: SensorTagV2;",
      "device.temperature = 20;",
      'export const names: SensorTagV2Property[] = ["temperature", "picture"];',
      'export const type: "INT" = sensorTagV2Model.properties.temperature.type;',
      "export const bytes: Uint8Array = device.picture;",
      "device.uptime = 1;",
      "device.humidity = 1;",
      'device.lit = "on";',
      'export const other: SensorTagV2Property = "video";',
    ].join("\n");
    const found = await compile({ "sensor-tag.v2.ts": fileOf(SENSOR, "sensor-tag.v2.ts"), "use.ts": use });
    expect(found.map((message) => message.split(":")[0])).toEqual(["7", "8", "9", "10"]);
  }, 60_000);

  it("compile for any names and descriptions that a model may hold", async () => {
    const odd = [
      "",
      "a b",
      "0",
      "class",
      "__proto__",
      "constructor",
      "*/ x",
      "ü\u2028",
      '"\\',
      "`${1}`",
      "\0",
      "a-b",
    ];
    const properties = odd.filter(Boolean).map((name, i) => ({
      ...{ name, description: odd[(i + 1) % odd.length], type: "INT", unit: "*/", accessMode: "ReadWrite" },
    }));
    const files = Object.fromEntries(
      ["default", "3d", "new", "a.b-c"].map((name) => [
        `${name}.ts`,
        fileOf(yamlOf(name, properties), `${name}.ts`),
      ]),
    );
    expect(await compile(files)).toEqual([]);
    expect(files["default.ts"]).toContain("export const defaultModel = {");
    expect(files["3d.ts"]).toContain("export interface Model3d {");
  }, 60_000);

  it("have one literal a property, whatever it is called", () => {
    const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 20, unit: "binary" }), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(names, (given) => {
        const text = fileOf(
          yamlOf(
            "m",
            given.map((name) => ({ name, type: "STRING" })),
          ),
          "m.ts",
        );
        const source = ts.createSourceFile("m.ts", text, ts.ScriptTarget.ES2023);
        const found: string[] = [];
        source.forEachChild((node) => {
          if (ts.isInterfaceDeclaration(node))
            for (const { name } of node.members)
              if (name !== undefined && (ts.isIdentifier(name) || ts.isStringLiteral(name)))
                found.push(name.text);
        });
        expect(found).toEqual(given);
      }),
    );
  });
});

describe("the JSON schema of a model", () => {
  const ajv = new Ajv({ strict: true, allErrors: true });

  it.each([
    { what: "some of the properties", value: { temperature: 20 }, isValid: true },
    {
      what: "all types",
      value: { uptime: 1, ratio: 0.5, lit: true, label: "x", picture: "AAE=" },
      isValid: true,
    },
    { what: "nothing", value: {}, isValid: true },
    { what: "a value over the maximum", value: { temperature: 101 }, isValid: false },
    { what: "a value under the minimum", value: { ratio: 0.4 }, isValid: false },
    { what: "a fraction of an INT", value: { temperature: 1.5 }, isValid: false },
    { what: "another type", value: { lit: "true" }, isValid: false },
    { what: "bytes that are no base64", value: { picture: "%" }, isValid: false },
    { what: "a property that the model has not", value: { humidity: 1 }, isValid: false },
    { what: "a stream, which has no value", value: { video: "x" }, isValid: false },
  ])("says $isValid to $what", ({ value, isValid }) => {
    expect(ajv.validate(schemaOf(SENSOR, "sensor-tag.v2"), value)).toBe(isValid);
  });

  it("is one that ajv takes in strict mode, for any names but __proto__, which it passes over", () => {
    const name = fc.string({ minLength: 1, maxLength: 12, unit: "binary" });
    const names = fc.uniqueArray(
      name.filter((one) => one !== "__proto__"),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(names, (given) => {
        const schema = schemaOf(
          yamlOf(
            "m",
            given.map((name) => ({ name, type: "BOOLEAN" })),
          ),
          "m",
        );
        const validate = new Ajv({ strict: true }).compile(schema);
        expect(validate(Object.fromEntries(given.map((name) => [name, true])))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});

describe("a text without a usable model", () => {
  it.each([
    { what: "it holds another kind only", text: "kind: Device\n", says: "there is no DeviceModel in it" },
    { what: "it is no YAML", text: "a: [\n", says: "document 1" },
    { what: "the name is a path", text: yamlOf("../x", []), says: "no object can have this name" },
    {
      what: "the version is older",
      text: yamlOf("m", [], { apiVersion: "devices.kubeedge.io/v1alpha2" }),
      says: "v1alpha2",
    },
    {
      what: "a property has no name",
      text: yamlOf("m", [{ type: "INT" }]),
      says: "spec.properties[0] has no name",
    },
    {
      what: "a type is unknown",
      text: yamlOf("m", [{ name: "a", type: "CHAR" }]),
      says: "spec.properties[0].type",
    },
    {
      what: "two are of one name",
      text: yamlOf("m", [{ name: "a" }, { name: "a" }]),
      says: "must be unique",
    },
    {
      what: "no value can meet the bounds",
      text: yamlOf("m", [{ name: "a", type: "INT", minimum: "2", maximum: "1" }]),
      says: "spec.properties[0].minimum",
    },
  ])("is refused when $what", ({ text, says }) => {
    expect(() => modelFiles(text)).toThrow(says);
  });
});

describe("make model-types", () => {
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, [join(root, "hack/generate/model-types.ts"), ...args], {
      env: { ...process.env, NODE_OPTIONS: "" },
    });

  it("writes both files of each model of a file, and names them", async () => {
    const out = join(folder, "out");
    const sample = join(root, "config/samples/devices_v1beta1_devicemodel.yaml");
    const { stdout } = await run(sample, out);
    expect(stdout.trim().split("\n")).toEqual([
      ...[join(out, "thermometer.ts"), join(out, "thermometer.schema.json")],
    ]);
    expect(await readFile(join(out, "thermometer.ts"), "utf8")).toBe(
      fileOf(await readFile(sample, "utf8"), "thermometer.ts"),
    );
  });

  it.each([
    { when: "no file is named", args: [], code: 64 },
    { when: "the file is not there", args: ["/nowhere.yaml"], code: 65 },
  ])("ends with $code when $when", async ({ args, code }) => {
    await expect(run(...args)).rejects.toMatchObject({ code });
  });
});
