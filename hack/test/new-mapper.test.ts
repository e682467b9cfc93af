// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeMapperProject } from "../new-mapper.ts";

describe("a mapper to begin with", () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "longshore-new-mapper-"));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it("has its name and protocol in every file, and no word that is left to fill in", () => {
    const project = { name: "plc-mapper", protocol: "plc", dir: join(dir, "plc") };
    const files = writeMapperProject(project);
    expect(files).toContain("src/main.ts");
    const texts = files.map((file) => readFileSync(join(project.dir, file), "utf8"));
    for (const text of texts) expect(text).not.toMatch(/__[A-Z]+__/);
    expect(texts.join("\n")).toMatch(/protocolName: plc\n/);
    const { name } = JSON.parse(texts[files.indexOf("package.json")] ?? "") as { name: string };
    expect(name).toBe("plc-mapper");
    expect(texts[files.indexOf("README.md")]).toMatch(/^# `plc-mapper`\n/);
  });

  it("is started by its unit as the documentation says, with what its build makes", () => {
    const project = { name: "plc-mapper", protocol: "plc", dir: join(dir, "unit") };
    writeMapperProject(project);
    const read = (file: string): string => readFileSync(join(project.dir, file), "utf8");
    const [, flags = "none"] =
      /ExecStart=\/usr\/bin\/node (.*) \/opt\/plc-mapper\/main.mjs\n/.exec(read("deploy/mapper.service")) ??
      [];
    expect(readFileSync(join(import.meta.dirname, "../../docs/mappers.md"), "utf8")).toContain(flags);
    expect(read("package.json")).toContain("--out-extension:.js=.mjs");
  });

  it.each(["", "Lamp", "a/../b", "lamp mapper", "-lamp"])("refuses the name %p", (name) => {
    expect(() => writeMapperProject({ name, protocol: "lamp", dir: join(dir, "none") })).toThrow(
      expect.objectContaining({ code: "USAGE" }),
    );
  });

  it("touches nothing in a folder that has files", () => {
    writeFileSync(join(dir, "mine"), "mine");
    expect(() => writeMapperProject({ name: "lamp-mapper", protocol: "lamp", dir })).toThrow(
      expect.objectContaining({ code: "NOT_EMPTY" }),
    );
  });
});
