// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { parse } from "yaml";
import { editConfig } from "../../../src/jobs/config/edit.ts";
import { idOf } from "../../../src/jobs/config/key.ts";
import { changesOf } from "../../../src/jobs/config/spec.ts";

const FILE = `# Who this node is.
apiVersion: edgecore.config.kubeedge.io/v1alpha2
kind: EdgeCore

modules:
  edged: # pods
    hostnameOverride: 'edge-node'
    nodeLabels:
      site: north # where it stands
    registerSchedulable: yes-no
    tailoredKubeletConfig:
      clusterDNS:
      - 169.254.96.16 # local
      maxPods: 110
      registerWithTaints: []
  edgeHub:
    # of every frame
    heartbeat: 15 # seconds
    httpServer: "https://cloud.example.com:10002"
    websocket: {enable: true, server: "cloud.example.com:10000"}
  edgeStream:
    enable: false
longshore: # ours
`.replace("yes-no", "true");

type Fields = Record<string, string>;
const edit = (fields: Fields, source = FILE): ReturnType<typeof editConfig> => {
  const { changes, faults } = changesOf({ nodeNames: ["n"], updateFields: fields });
  if (faults.length > 0) throw new Error(faults.join("; "));
  return editConfig(source, changes, "edgecore.yaml");
};

/** Lines of b that are not in a, and the other way round. */
const changedLines = (a: string, b: string): [string[], string[]] => {
  const [left, right] = [a.split("\n"), b.split("\n")];
  return [left.filter((line) => !right.includes(line)), right.filter((line) => !left.includes(line))];
};

describe("a configuration file that a job changes", () => {
  it.each<[string, Fields, string[], string[]]>([
    ["true and false", { "modules.edgeStream.enable": "true" }, ["    enable: false"], ["    enable: true"]],
    [
      "a number, beside its comment",
      { "modules.edgeHub.heartbeat": "30" },
      ["    heartbeat: 15 # seconds"],
      ["    heartbeat: 30 # seconds"],
    ],
    [
      "a label",
      { "modules.edged.nodeLabels.site": "south" },
      ["      site: north # where it stands"],
      [`      site: "south" # where it stands`],
    ],
    [
      "an item of a list",
      { "modules.edged.tailoredKubeletConfig.clusterDNS[0]": "10.0.0.10" },
      ["      - 169.254.96.16 # local"],
      [`      - "10.0.0.10" # local`],
    ],
    ["a setting that was not there", { "modules.edged.reportEvent": "true" }, [], ["    reportEvent: true"]],
  ])("A34 keeps comments, order and everything else: %s", (_what, fields, gone, come) => {
    const { text, isOther } = edit(fields);
    const [was, is] = changedLines(FILE, text);
    expect(was).toEqual(gone);
    expect(is).toEqual(come);
    expect(isOther).toBe(true);
  });

  it.each([
    ["ends of lines", "modules:\r\n  edgeHub:\r\n    heartbeat: 15 # s\r\n"],
    ["byte order mark", "\uFEFFmodules:\n  edgeHub:\n    heartbeat: 15 # s\n"],
    ["marks of a document", "---\nmodules:\n  edgeHub:\n    heartbeat: 15 # s\n...\n"],
    ["tabs between words", "modules:\n  edgeHub:\n    heartbeat:\t15\t# s\n"],
  ])("A34 keeps the file's %s", (_what, source) => {
    const { text } = edit({ "modules.edgeHub.heartbeat": "30", "longshore.logLevel": "debug" }, source);
    const eol = source.includes("\r") ? "\r\n" : "\n";
    const added = `longshore:${eol}  logLevel: "debug"${eol}`;
    expect(text).toContain(added);
    expect(text.replace(added, "")).toBe(source.replace("15", "30"));
  });

  it("fills a section that was empty, and keeps what was said beside it", () => {
    const { text } = edit({ "longshore.logLevel": "debug" });
    expect(parse(text)).toMatchObject({ longshore: { logLevel: "debug" } });
    expect(text).toContain("# ours");
  });

  it("adds an item to a list, and keeps what is said beside the others", () => {
    const { text } = edit({ "modules.edged.tailoredKubeletConfig.clusterDNS[1]": "10.0.0.10" });
    expect(text).toContain(`      - 169.254.96.16 # local\n      - "10.0.0.10"\n`);
    for (const comment of FILE.match(/#.*/g) ?? []) expect(text).toContain(comment);
  });

  it("writes the sections above a setting where they are missing", () => {
    const { text } = edit(
      { "longshore.bus.messageBurst": "5", "longshore.bus.outboxMaxAge": "1h" },
      "kind: EdgeCore",
    );
    expect(text).toBe(`kind: EdgeCore\nlongshore:\n  bus:\n    messageBurst: 5\n    outboxMaxAge: "1h"\n`);
  });

  it("sets as many fields as a job may hold in a bounded time", () => {
    const fields = Object.fromEntries(
      Array.from({ length: 500 }, (_, i) => [`modules.edged.nodeLabels.l${i}`, "x"]),
    );
    const started = performance.now();
    expect(parse(edit(fields).text)).toMatchObject({
      modules: { edged: { nodeLabels: { l0: "x", l499: "x" } } },
    });
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it("makes an item of a list of mappings from its parts", () => {
    const at = "modules.edged.tailoredKubeletConfig.registerWithTaints[0]";
    const { text } = edit({ [`${at}.key`]: "site", [`${at}.effect`]: "NoSchedule" });
    expect(parse(text)).toMatchObject({
      modules: {
        edged: { tailoredKubeletConfig: { registerWithTaints: [{ key: "site", effect: "NoSchedule" }] } },
      },
    });
  });

  it("says that nothing changes when every value stands there", () => {
    const { isOther, hasEffect } = edit({
      "modules.edgeHub.heartbeat": "15",
      "modules.edged.nodeLabels.site": "north",
    });
    expect({ isOther, hasEffect }).toEqual({ isOther: false, hasEffect: false });
  });

  it("says that a default that is written down changes the file and not the agent", () => {
    const { isOther, hasEffect } = edit({ "longshore.logLevel": "info" });
    expect({ isOther, hasEffect }).toEqual({ isOther: true, hasEffect: false });
  });

  it.each<[string, Fields, string, RegExp]>([
    [
      "part of a taint",
      { "modules.edged.tailoredKubeletConfig.registerWithTaints[0].key": "a" },
      FILE,
      /taints/,
    ],
    [
      "a list with a gap",
      { "modules.edged.tailoredKubeletConfig.clusterDNS[7]": "10.0.0.1" },
      FILE,
      /clusterDNS/,
    ],
    [
      "no address in a list",
      { "modules.edged.tailoredKubeletConfig.clusterDNS[0]": "x" },
      FILE,
      /clusterDNS/,
    ],
    ["a label that is none", { "modules.edged.nodeLabels.site": "a b" }, FILE, /not a valid label/],
    [
      "a value that others refer to",
      { "modules.edged.nodeLabels.site": "south" },
      "modules:\n  edged: {nodeLabels: {site: &x north, other: *x}}\n",
      /would change other settings/,
    ],
    [
      "a section that others refer to",
      { "modules.edgeStream.enable": "true" },
      "modules:\n  edgeStream: &s {enable: false}\n  deviceTwin: *s\n",
      /would change other settings/,
    ],
    [
      "a section that is another's",
      { "modules.edgeStream.enable": "true" },
      "modules:\n  deviceTwin: &s {enable: false}\n  edgeStream: *s\n",
      /is an alias/,
    ],
    [
      "a key that is there twice",
      { "longshore.logLevel": "debug" },
      "kind: EdgeCore\nkind: EdgeCore\n",
      /unique/,
    ],
    ["tabs that indent", { "longshore.logLevel": "debug" }, "modules:\n\tedgeHub: {}\n", /Tabs/],
    ["two documents", { "longshore.logLevel": "debug" }, "kind: EdgeCore\n---\na: 1\n", /multiple documents/],
    ["a file that is none", { "longshore.logLevel": "debug" }, "- a\n", /mapping/],
    [
      "a file with a fault of its own",
      { "longshore.logLevel": "debug" },
      "modules: {nosuch: 1}\n",
      /not a known key/,
    ],
  ])("S10 is refused as a whole: %s", (_what, fields, source, fault) =>
    expect(() => edit(fields, source)).toThrow(fault),
  );

  const label = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9_.-]{0,20}[A-Za-z0-9])?$/);
  const anyText = fc.oneof(
    fc.constantFrom(
      "yes",
      "no",
      "null",
      "~",
      "0x1F",
      "1e3",
      "- a",
      "a: b",
      "#c",
      "!!int 1",
      "*x",
      "&y",
      "{a: 1}",
      "true",
    ),
    fc.string({ maxLength: 30 }),
    fc.string({ unit: "binary", maxLength: 30 }),
  );
  const field = fc.oneof(
    fc.tuple(fc.constant("modules.eventBus.mqttSubClientID"), anyText),
    fc.tuple(fc.constant("modules.edged.podSandboxImage"), anyText),
    fc.tuple(fc.constant("modules.edged.customInterfaceName"), anyText),
    fc.tuple(fc.constant("longshore.redialMax"), fc.constantFrom("5s", "1m30s", "2h", "x", "60000ms")),
    fc.tuple(fc.constant("longshore.logLevel"), fc.oneof(fc.constantFrom("debug", "warn"), anyText)),
    fc.tuple(fc.constant("modules.edgeHub.heartbeat"), fc.oneof(fc.nat(5000).map(String), anyText)),
    fc.tuple(fc.constant("modules.edgeStream.enable"), fc.oneof(fc.constantFrom("true", "false"), anyText)),
    fc.tuple(
      label.map((name) => `modules.edged.nodeLabels.${name.replaceAll(".", "\\.")}`),
      fc.oneof(label, anyText),
    ),
    fc.tuple(
      fc.nat(3).map((i) => `modules.edged.tailoredKubeletConfig.clusterDNS[${i}]`),
      fc.oneof(fc.ipV4(), anyText),
    ),
  );

  it("S10 W18 never changes another setting, whatever the values are", () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.array(field, { minLength: 1, maxLength: 4 }), (entries) => {
        const { changes, faults } = changesOf({
          nodeNames: ["n"],
          updateFields: Object.fromEntries(entries),
        });
        if (faults.length > 0) return;
        let text: string;
        try {
          ({ text } = editConfig(FILE, changes, "f"));
        } catch {
          return;
        }
        taken++;
        const wanted = new Map(changes.map(({ path, value }) => [idOf(path), value]));
        const [was, is] = [places(parse(FILE)), places(parse(text))];
        for (const [id, value] of wanted) expect(is.get(id)).toBe(value);
        for (const id of new Set([...was.keys(), ...is.keys()]))
          if (!wanted.has(id)) expect([id, is.get(id)]).toEqual([id, was.get(id)]);
      }),
      { numRuns: 300 },
    );
    expect(taken).toBeGreaterThan(20);
  });
});

/** Every single value by its place, written anew beside what is tested. */
function places(value: unknown, path: (string | number)[] = []): Map<string, unknown> {
  if (typeof value !== "object" || value === null)
    return new Map(value === null ? [] : [[JSON.stringify(path), value]]);
  return new Map(
    Object.entries(value).flatMap(([key, item]) => [
      ...places(item, [...path, Array.isArray(value) ? Number(key) : key]),
    ]),
  );
}
