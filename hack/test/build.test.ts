// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, matchesGlob } from "node:path";
import { parse } from "yaml";
import { buildPrograms, isSplit, PROGRAMS } from "../build.ts";
import { CLONE } from "../cluster/layout.ts";

describe("programs that are built again", () => {
  let outDir: string;
  beforeEach(() => {
    outDir = mkdtempSync(join(tmpdir(), "longshore-build-"));
  });
  afterEach(() => rmSync(outDir, { recursive: true }));

  const build = (): Promise<string[]> => buildPrograms(["thermometer"], CLONE, { outDir });
  /** Another inode is another file: what reads the old one's folder may miss it for a moment. */
  const files = (): Record<string, number> =>
    Object.fromEntries(
      readdirSync(outDir, { recursive: true, encoding: "utf8" }).map((name) => [
        name,
        statSync(join(outDir, name)).ino,
      ]),
    );

  it("stay the same files for whoever runs them, also while two build at once", async () => {
    await Promise.all([build(), build()]);
    const before = files();
    expect(Object.keys(before)).toEqual(expect.arrayContaining(["thermometer.js", "package.json"]));
    expect(Object.keys(before).some((name) => name.startsWith("thermometer.parts/"))).toBe(true);
    await build();
    expect(files()).toEqual(before);
  });

  it("are put right, and lose parts that are theirs no more", async () => {
    await build();
    const before = Object.keys(files());
    writeFileSync(join(outDir, "thermometer.js"), "half");
    writeFileSync(join(outDir, "thermometer.parts/old-ABC.js"), "");
    await build();
    expect(Object.keys(files())).toEqual(before);
    expect(statSync(join(outDir, "thermometer.js")).size).toBeGreaterThan(1000);
  });
});

describe("images", () => {
  const dockerfile = readFileSync(join(CLONE, "Dockerfile"), "utf8");
  const ignored = readFileSync(join(CLONE, ".dockerignore"), "utf8").trim().split("\n");
  /** As Docker reads it: the last line that fits a file, or a folder that it is in, decides. */
  const isSent = (file: string): boolean => {
    const above = file.split("/").map((_, depth, all) => all.slice(0, depth + 1).join("/"));
    const line = ignored.findLast((rule) => above.some((path) => matchesGlob(path, rule.replace("!", ""))));
    return line?.startsWith("!") ?? true;
  };
  const valuesOf = (key: string, text: string): string[] =>
    [...text.matchAll(new RegExp(`^${key} (.+)$`, "gm"))].map(([, value = ""]) => value);
  const stage = (name: string): string => {
    const [from, base, text = ""] =
      new RegExp(`^FROM (\\S+) AS ${name}$([^]*?)(?=^FROM|(?![^]))`, "m").exec(dockerfile) ?? [];
    if (from === undefined) throw new Error(`the Dockerfile has no stage ${name}`);
    return base?.startsWith("$") === false ? stage(base) + text : text;
  };
  const mappers = Object.keys(PROGRAMS).filter((name) => name.endsWith("-mapper"));

  it("take what `make build` and `make package` make, with the parts of every program, and are given it", () => {
    const sources = valuesOf("COPY", dockerfile)
      .flatMap((line) =>
        line
          .split(" ")
          .filter((word) => !word.startsWith("--"))
          .slice(0, -1),
      )
      .flatMap((source) =>
        source.includes("${MAPPER}") ? mappers.map((name) => source.replace("${MAPPER}", name)) : [source],
      );
    expect(sources.filter((source) => !isSent(source))).toEqual([]);
    const named = (ending: string): string[] =>
      sources.flatMap((source) => new RegExp(`^dist/([^/]+)\\.${ending}$`).exec(source)?.slice(1) ?? []);
    const programs = named("js");
    expect([...programs].sort()).toEqual(["edge-agent", "operators", "webhooks", ...mappers].sort());
    expect(named("parts")).toEqual(programs.filter(isSplit));
    const others = sources.filter((source) => !/\.(js|parts)$/.test(source));
    expect([...new Set(others)].sort()).toEqual(["LICENSE", "dist/package.json", "dist/package/root/"]);
  });

  it.each([
    "dist/operators.js.map",
    "dist/x.parts/y.js.map",
    "dist/package/oci/index.json",
    "node_modules/a.js",
  ])("are made without %s", (path) => expect(isSent(path)).toBe(false));

  it("have the users and ports of the workloads in config, and those have the ports that they are probed at", () => {
    type Port = { name: string; containerPort: number };
    type Workload = {
      spec: {
        template: {
          spec: {
            securityContext: { runAsUser: number; runAsGroup: number };
            containers: [{ image: string; ports: Port[]; [probe: string]: unknown }];
          };
        };
      };
    };
    const ports: Record<string, Set<string>> = {};
    for (const file of ["manager/controllers.yaml", "manager/hub.yaml", "webhook/deployment.yaml"]) {
      const workload = parse(readFileSync(join(CLONE, "config", file), "utf8")) as Workload;
      const { securityContext, containers } = workload.spec.template.spec;
      const [container] = containers;
      const image = container.image.replace("longshore/", "");
      const { runAsUser, runAsGroup } = securityContext;
      expect(valuesOf("USER", stage(image)).at(-1)).toBe(`${runAsUser}:${runAsGroup}`);
      const probed = ["startupProbe", "livenessProbe", "readinessProbe"].map(
        (probe) => (container[probe] as { httpGet: { port: string } }).httpGet.port,
      );
      expect(container.ports.map(({ name }) => name)).toEqual(expect.arrayContaining(probed));
      for (const { containerPort } of container.ports)
        (ports[image] ??= new Set()).add(String(containerPort));
    }
    for (const [image, used] of Object.entries(ports))
      expect(valuesOf("EXPOSE", stage(image))[0]?.split(" ").sort()).toEqual([...used].sort());
    expect(Object.keys(ports)).toEqual(["operators", "webhooks"]);
  });
});
