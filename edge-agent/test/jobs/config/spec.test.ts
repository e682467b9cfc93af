// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { SCHEMA, type Section } from "../../../src/config/index.ts";
import { CHANGEABLE, createConfigRunner } from "../../../src/jobs/config/index.ts";
import { changesOf } from "../../../src/jobs/config/spec.ts";

const spec = (updateFields: object): object => ({ nodeNames: ["edge-node"], updateFields });
const read = (key: string, text: string): ReturnType<typeof changesOf> => changesOf(spec({ [key]: text }));

describe("what a configuration job sets", () => {
  it.each<[string, string, readonly (string | number)[], unknown]>([
    ["modules.edgeStream.enable", "true", ["modules", "edgeStream", "enable"], true],
    ["modules.edgeStream.enable", "false", ["modules", "edgeStream", "enable"], false],
    ["modules.edgeHub.heartbeat", "30", ["modules", "edgeHub", "heartbeat"], 30],
    ["modules.eventBus.mqttQOS", "0", ["modules", "eventBus", "mqttQOS"], 0],
    ["longshore.redialMax", "1m30s", ["longshore", "redialMax"], "1m30s"],
    ["longshore.logLevel", "debug", ["longshore", "logLevel"], "debug"],
    ["modules.eventBus.mqttSubClientID", "true", ["modules", "eventBus", "mqttSubClientID"], "true"],
    ["modules.eventBus.mqttSubClientID", "10", ["modules", "eventBus", "mqttSubClientID"], "10"],
    [
      "modules.edged.nodeLabels.example\\.com/role",
      "gateway",
      ["modules", "edged", "nodeLabels", "example.com/role"],
      "gateway",
    ],
    [
      "modules.edged.tailoredKubeletConfig.clusterDNS[0]",
      "10.0.0.10",
      ["modules", "edged", "tailoredKubeletConfig", "clusterDNS", 0],
      "10.0.0.10",
    ],
    [
      "modules.edged.tailoredKubeletConfig.registerWithTaints[1].effect",
      "NoSchedule",
      ["modules", "edged", "tailoredKubeletConfig", "registerWithTaints", 1, "effect"],
      "NoSchedule",
    ],
  ])("A34 %s=%s has the setting's type", (key, text, path, value) =>
    expect(read(key, text)).toEqual({ changes: [{ key, path, value }], faults: [] }),
  );

  it.each<[string, string, RegExp]>([
    ["modules.edgeStream.enable", "true; id", /invalid value/],
    ["modules.edgeStream.enable", "true id", /must be true or false/],
    ["modules.edgeStream.enable", "True", /must be true or false/],
    ["modules.edgeStream.enable", "1", /must be true or false/],
    ["modules.edgeStream.enable", "", /must be true or false/],
    ["modules.edgeHub.heartbeat", "30s", /must be a whole number/],
    ["modules.edgeHub.heartbeat", "030", /must be a whole number/],
    ["modules.edgeHub.heartbeat", "1e1", /must be a whole number/],
    ["modules.edgeHub.heartbeat", "15.0", /must be a whole number/],
    ["modules.edgeHub.heartbeat", "0", /must be a whole number from 1/],
    ["longshore.redialMax", "60", /must be a duration/],
    ["longshore.redialMax", "-1s", /must be a duration/],
    ["longshore.logLevel", "trace", /must be one of/],
    ["modules.edged.nodeLabels.a.b", "x", /mapping: name one key/],
    ["modules.edged.nodeLabels", "x", /mapping: name one key/],
    ["modules.edged.nodeLabels[0]", "x", /mapping: name one key/],
    ["modules.edged.tailoredKubeletConfig.clusterDNS", "10.0.0.10", /give the place/],
    ["modules.edged.tailoredKubeletConfig.clusterDNS.x", "10.0.0.10", /give the place/],
    ["modules.edged.tailoredKubeletConfig.registerWithTaints[0].other", "x", /give the place/],
    ["modules.edgeHub.heartbeat.x", "1", /one value/],
    ["modules.edgeHub", "1", /is a section/],
    ["modules", "1", /no path|invalid field/],
    ["modules[0]", "1", /is no list/],
    ["modules.edgeHub.nosuch", "1", /not a setting of this agent/],
    ["modules.constructor.name", "1", /not a setting of this agent/],
    ["modules.__proto__.x", "1", /not a setting of this agent/],
    ["modules.edgeHub.quic.enable", "true", /does not use/],
    ["modules.serviceBus.enable", "true", /does not use/],
    ["modules.edged.tailoredKubeletConfig.maxOpenFiles", "5", /does not use/],
    ["featureGates.alpha", "true", /does not use/],
  ])("S10 A34 %s=%s is refused", (key, text, fault) => {
    const { changes, faults } = read(key, text);
    expect(changes).toEqual([]);
    expect(faults).toEqual([expect.stringMatching(fault)]);
    if (text.length > 3) expect(faults.join()).not.toContain(text);
  });

  it.each([
    "modules.edgeHub.httpServer",
    "modules.edgeHub.websocket.server",
    "modules.edgeHub.token",
    "modules.edgeHub.tlsCaFile",
    "modules.edgeHub.projectID",
    "modules.edgeHub.rotateCertificates",
    "modules.edgeStream.server",
    "modules.edged.hostnameOverride",
    "modules.edged.rootDirectory",
    "modules.edged.tailoredKubeletConfig.containerRuntimeEndpoint",
    "modules.edged.tailoredKubeletConfig.resolvConf",
    "modules.deviceTwin.dmiSockPath",
    "modules.eventBus.mqttPassword",
    "modules.eventBus.mqttServerExternal",
    "modules.eventBus.mqttServerInternal",
    "modules.eventBus.eventBusTLS.enable",
    "database.dataSource",
    "longshore.identityFile",
    "longshore.dataDir",
    "longshore.tokenFile",
    "longshore.security",
    "longshore.metricsAddress",
    "longshore.bus.credentialsFile",
    "longshore.devices.tokenDir",
  ])("S10 W18 %s is not for a job to change", (key) =>
    expect(read(key, "x").faults).toEqual([
      `${key} is not for a job to change: change it on the node itself`,
    ]),
  );

  it.each([
    ["modules.edgeStream.enable", "true,modules.edgeHub.httpServer=https://evil"],
    ["modules.eventBus.mqttSubClientID", "a=1,modules.edgeHub.httpServer=https://evil"],
    ["modules.edgeStream.enable=true,modules.edgeHub.httpServer", "https://evil"],
    ["modules.eventBus.mqttSubClientID", "x\nlongshore:\n  security: compatible"],
    ["modules.eventBus.mqttSubClientID", "$(reboot)"],
    ["$(reboot)", "x"],
    ["longshore.logLevel", "`id`"],
  ])("S10 W18 a value is not a way to another setting: %s=%j", (key, text) => {
    const { changes, faults } = read(key, text);
    expect(changes).toEqual([]);
    expect(faults).not.toEqual([]);
    expect(faults.join()).not.toContain("https://evil");
  });

  it("refuses a place that is named twice", () => {
    const at = "modules.edged.tailoredKubeletConfig.clusterDNS";
    const twice = spec({ [`${at}[0]`]: "10.0.0.1", [`${at}[00]`]: "10.0.0.2" });
    expect(changesOf(twice).faults).toEqual([`${at}[00] is set twice`]);
  });

  it("sorts places in a list upwards", () => {
    const at = "modules.edged.tailoredKubeletConfig.clusterDNS";
    const many = Object.fromEntries([10, 2, 0, 1].map((i) => [`${at}[${i}]`, "10.0.0.1"]));
    expect(changesOf(spec(many)).changes.map(({ path }) => path.at(-1))).toEqual([0, 1, 2, 10]);
  });

  it.each<[string, unknown]>([
    ["nothing", undefined],
    ["a text", "x"],
    ["no fields", spec({})],
    ["null for fields", { nodeNames: ["n"], updateFields: null }],
    ["fields in a list", { nodeNames: ["n"], updateFields: ["longshore.logLevel"] }],
    ["a value that is no text", spec({ "modules.edgeStream.enable": true })],
    ["no nodes", { updateFields: { "longshore.logLevel": "debug" } }],
    ["a number for nodes", { nodeNames: 1, updateFields: { "longshore.logLevel": "debug" } }],
  ])("S10 a spec of %s is refused, whoever let it through", (_what, given) =>
    expect(changesOf(given).faults).not.toEqual([]),
  );

  it("tells all faults at once, by the runner too", () => {
    const given = spec({
      "modules.edgeHub.nosuch": "1",
      "longshore.logLevel": "x",
      "longshore.redialMax": "1s",
    });
    const runner = createConfigRunner({} as Parameters<typeof createConfigRunner>[0]);
    expect(runner.faults(given)).toHaveLength(2);
    expect(runner.changesAgent).toBe(true);
  });
});

describe("the settings that a job may change", () => {
  const find = (path: readonly string[]): unknown =>
    path.reduce<Section | undefined>((at, name) => at?.fields[name] as Section | undefined, SCHEMA);

  it("exist", () => {
    const keys = Object.entries(CHANGEABLE).flatMap(([section, names]) =>
      names.map((name) => [...section.split("."), name]),
    );
    expect(keys.filter((path) => (find(path) as { kind?: string } | undefined)?.kind !== "field")).toEqual(
      [],
    );
  });

  it("S10 are none that name a secret, an address of the cloud or a place on the machine", () => {
    const suspicious = /(server|token|password|file|dir|path|socket|endpoint|address|root|security)/i;
    const keys = Object.values(CHANGEABLE).flat();
    expect(keys.filter((name) => suspicious.test(name))).toEqual([]);
  });
});
