// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  configTable,
  ignoredKeys,
  parseCommandLine,
  parseConfig,
  readConfigFile,
  readTokenFile,
  refuseEnvironment,
  SCHEMA,
  toAgentConfig,
  type ConfigError,
} from "../../src/config/index.ts";
import { isHostPort } from "../../src/config/fields.ts";
import { thrown } from "../tunnel/fakes.ts";

const HEAD = "apiVersion: edgecore.config.kubeedge.io/v1alpha2\nkind: EdgeCore\n";
const parse = (text: string) => parseConfig(text, "edgecore.yaml", SCHEMA);
const faults = (text: string) => (thrown(() => parse(text)) as ConfigError | undefined)?.faults ?? [];
const directory = () => mkdtempSync(join(tmpdir(), "edge-config-"));

// As keadm 1.23 writes it, with settings of every module.
const KEADM = `apiVersion: edgecore.config.kubeedge.io/v1alpha2
kind: EdgeCore
database:
  aliasName: default
  dataSource: /var/lib/kubeedge/edgecore.db
  driverName: sqlite3
featureGates:
  requireAuthorization: false
modules:
  dbTest:
    enable: false
  deviceTwin:
    dmiSockPath: /etc/kubeedge/dmi.sock
    enable: true
  edgeHub:
    enable: true
    heartbeat: 15
    httpServer: https://10.0.0.1:10002
    messageBurst: 60
    messageQPS: 30
    projectID: e632aba927ea4ac2b575ec1603d56f10
    quic:
      enable: false
      server: 10.0.0.1:10001
    rotateCertificates: true
    tlsCaFile: /etc/kubeedge/ca/rootCA.crt
    tlsCertFile: /etc/kubeedge/certs/server.crt
    tlsPrivateKeyFile: /etc/kubeedge/certs/server.key
    token: ""
    websocket:
      enable: true
      handshakeTimeout: 30
      readDeadline: 15
      server: 10.0.0.1:10000
      writeDeadline: 15
  edgeStream:
    enable: false
  edged:
    enable: true
    hostnameOverride: edge-1
    maxContainerCount: -1
    minimumGCAge: 0s
    podSandboxImage: kubeedge/pause:3.6
    registerSchedulable: true
    rootDirectory: /var/lib/kubelet
    nodeLabels:
      zone: south
    tailoredKubeletConfig:
      address: 127.0.0.1
      cgroupDriver: systemd
      clusterDNS:
      - 169.254.96.16
      clusterDomain: cluster.local
      containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
      evictionHard:
        imagefs.available: 15%
      maxPods: 110
      nodeStatusUpdateFrequency: 10s
      registerWithTaints:
      - key: edge
        value: "true"
        effect: NoSchedule
      syncFrequency: 1m0s
  eventBus:
    enable: true
    mqttMode: 2
  metaManager:
    contextSendGroup: hub
    contextSendModule: websocket
    enable: true
    metaServer:
      dummyServer: 169.254.30.10:10550
      enable: true
      server: 127.0.0.1:10550
      serviceAccountIssuers:
      - https://kubernetes.default.svc.cluster.local
      tlsCaFile: /etc/kubeedge/ca/rootCA.crt
      tlsCertFile: /etc/kubeedge/certs/server.crt
      tlsPrivateKeyFile: /etc/kubeedge/certs/server.key
    remoteQueryTimeout: 60
  serviceBus:
    enable: false
`;

describe("the configuration", () => {
  it("reads a file of keadm's and names once what it does not use", () => {
    const { settings, ignored } = parse(KEADM);
    const config = toAgentConfig(settings, "Host");
    expect(config.node).toMatchObject({
      name: "edge-1",
      labels: { zone: "south" },
      taints: [{ key: "edge", value: "true", effect: "NoSchedule" }],
      statusUpdateMs: 10_000,
    });
    expect(config.hub).toMatchObject({
      server: "wss://10.0.0.1:10000",
      joinServer: "https://10.0.0.1:10002",
      heartbeatMs: 15_000,
    });
    expect(config.pods).toMatchObject({
      cgroupDriver: "systemd",
      cgroupParent: "/longshore",
      podLogsDir: "/var/log/pods",
      clusterDns: ["169.254.96.16"],
    });
    expect(config.bus).toMatchObject({
      enable: true,
      external: "tcp://127.0.0.1:1883",
      internal: undefined,
      tls: undefined,
    });
    expect(config.dataDir).toBe("/var/lib/kubeedge");
    expect(config.localApi).toEqual({
      enable: true,
      address: "127.0.0.1:10550",
      strict: false,
      tokenFile: "/var/lib/kubeedge/local-api-token",
    });
    expect(ignored).toEqual(
      expect.arrayContaining([
        "featureGates",
        "modules.metaManager.enable",
        "modules.metaManager.metaServer.dummyServer",
        "modules.edged.tailoredKubeletConfig.evictionHard",
      ]),
    );
  });

  it("serves nothing to this machine unless that is switched on, and wants a token in strict mode", () => {
    const of = (text: string) => toAgentConfig(parse(HEAD + text).settings, "h").localApi;
    expect(of("")).toMatchObject({ enable: false, strict: false });
    expect(of("longshore:\n  security: strict\n  localApiTokenFile: /run/token\n")).toMatchObject({
      strict: true,
      tokenFile: "/run/token",
    });
  });

  it("opens KubeEdge's stream tunnel only where that is switched on", () => {
    const of = (text: string) => toAgentConfig(parse(HEAD + text).settings, "h").edgeStream;
    expect(of("")).toEqual({ enable: false, server: "wss://127.0.0.1:10004", handshakeTimeoutMs: 30_000 });
    const keadm = `modules:
  edgeStream:
    enable: true
    handshakeTimeout: 20
    readDeadline: 15
    server: 10.0.0.1:10004
    tlsTunnelCAFile: /etc/kubeedge/ca/rootCA.crt
    tlsTunnelCertFile: /etc/kubeedge/certs/server.crt
    tlsTunnelPrivateKeyFile: /etc/kubeedge/certs/server.key
    writeDeadline: 15
`;
    expect(of(keadm)).toEqual({ enable: true, server: "wss://10.0.0.1:10004", handshakeTimeoutMs: 20_000 });
  });

  it("has a default for everything, and our section goes before KubeEdge's keys", () => {
    const config = toAgentConfig(parse(HEAD).settings, "My-Host");
    expect(config.node).toMatchObject({ name: "my-host", maxPods: 110, register: true });
    expect(config.hub).toMatchObject({
      messageQps: 30,
      messageBurst: 60,
      negotiate: true,
      redialMaxMs: 60_000,
    });
    expect(config.metricsAddress).toBe("");
    const ours = `${HEAD}longshore:\n  dataDir: /d\n  podLogsDir: /l\n  redialMax: 5s\n  negotiate: false\n  metricsAddress: 127.0.0.1:9100\n`;
    expect(toAgentConfig(parse(ours).settings, "h")).toMatchObject({
      dataDir: "/d",
      pods: { podLogsDir: "/l" },
      hub: { redialMaxMs: 5000, negotiate: false },
      metricsAddress: "127.0.0.1:9100",
    });
  });

  it.each([
    {
      text: "",
      want: { security: "compatible", mapperSocketDir: "", tokenDir: "/var/lib/kubeedge/mapper-tokens" },
    },
    {
      text: "longshore: { security: strict }\n",
      want: { security: "strict", mapperSocketDir: "/etc/kubeedge" },
    },
    {
      text: "longshore: { security: strict, dataDir: /data, devices: { socketDir: /run/m, unreachableAfter: 30s } }\n",
      want: { mapperSocketDir: "/run/m", tokenDir: "/data/mapper-tokens", unreachableAfterMs: 30_000 },
    },
  ])("B124 B125 asks of mappers what it is told: $want", ({ text, want }) => {
    expect(toAgentConfig(parse(HEAD + text).settings, "h").devices).toMatchObject(want);
  });

  it("lists every fault at once, each with its line", () => {
    const text = `${HEAD}modules:\n  edgeHub:\n    heartbeat: never\n    httpServer: http://x\n  edged:\n    nodeLabels: 3\n    wrong: 1\n`;
    expect(faults(text)).toEqual([
      expect.stringMatching(/^edgecore\.yaml:5: modules\.edgeHub\.heartbeat must be a whole number/),
      expect.stringMatching(/^edgecore\.yaml:6: modules\.edgeHub\.httpServer must be https/),
      expect.stringMatching(/^edgecore\.yaml:9: modules\.edged\.wrong is not a known key/),
      expect.stringMatching(/^edgecore\.yaml:8: modules\.edged\.nodeLabels must be a mapping/),
    ]);
  });

  it.each([
    ["B152 !!js/function", `${HEAD}kind2: !!js/function 'return 1'\n`],
    [
      "B152 a merge key",
      `base: &b {kind: EdgeCore}\n<<: *b\napiVersion: edgecore.config.kubeedge.io/v1alpha2\n`,
    ],
    ["B152 __proto__", `${HEAD}__proto__:\n  x: 1\n`],
    ["B153 a duplicate key", `${HEAD}kind: EdgeCore\n`],
    ["B153 an unknown key", `${HEAD}modulez: {}\n`],
    ["B153 no for a text", `${HEAD}modules:\n  edged:\n    hostnameOverride: no\n`],
    ["B153 a tab", `${HEAD}modules:\n\tedged: {}\n`],
    ["B153 a section that is a list", `${HEAD}modules: [1]\n`],
    ["a wrong kind", "apiVersion: edgecore.config.kubeedge.io/v1alpha2\nkind: CloudCore\n"],
    ["an old version", "apiVersion: edgecore.config.kubeedge.io/v1alpha1\nkind: EdgeCore\n"],
    ["a node name in capitals", `${HEAD}modules:\n  edged:\n    hostnameOverride: EDGE\n`],
    [
      "a taint without effect",
      `${HEAD}modules:\n  edged:\n    tailoredKubeletConfig:\n      registerWithTaints: [{key: a}]\n`,
    ],
  ])("%s is refused with 78 and a line", (_what, text) => {
    const error = thrown(() => parse(text)) as ConfigError;
    expect(error).toMatchObject({ exitCode: 78 });
    expect(error.faults[0]).toMatch(/^edgecore\.yaml:\d+: /);
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });

  it.each(["0", "65536", "-1", "1e3", '"80"', ""])("B154 the port %s is refused", (port) => {
    expect(isHostPort(`10.0.0.1:${port}`)).toBe(false);
    expect(
      faults(`${HEAD}modules:\n  edgeHub:\n    websocket:\n      server: 'h:${port.replaceAll('"', "")}x'\n`),
    ).toHaveLength(1);
    expect(
      faults(
        `${HEAD}modules:\n  edgeHub:\n    heartbeat: ${port === "" ? "''" : port === "65536" ? "99999" : port}\n`,
      ),
    ).toHaveLength(1);
  });

  it.each(["http://h:1", "https://u:p@h:1", "https://h h:1", "https://h:1/path", "https://h", "ftp://h:1"])(
    "B157 the address %s is refused",
    (url) => {
      expect(faults(`${HEAD}modules:\n  edgeHub:\n    httpServer: "${url}"\n`)).toHaveLength(1);
    },
  );

  it("B151 an alias bomb is refused before it is unfolded", () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(",")}]`,
    );
    const started = performance.now();
    expect(thrown(() => parse(`l0: &l0 [x]\n${levels.join("\n")}\n`))).toMatchObject({ exitCode: 78 });
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it("B155 refuses what is no file of ours, and takes a byte order mark and CRLF", () => {
    const at = (name: string): string => join(directory(), name);
    const write = (name: string, content: string): string => {
      const path = at(name);
      writeFileSync(path, content);
      return path;
    };
    const fifo = at("fifo");
    execFileSync("mkfifo", [fifo]);
    const folder = at("folder");
    mkdirSync(folder);
    for (const path of [write("empty", ""), write("big", "#".repeat(10 * 1024 * 1024)), folder, fifo]) {
      expect(thrown(() => readConfigFile(path, SCHEMA))).toMatchObject({ exitCode: 78 });
    }
    const windows = write("bom", `\uFEFF${HEAD.replaceAll("\n", "\r\n")}`);
    expect(readConfigFile(windows, SCHEMA).settings.kind).toBe("EdgeCore");
  });

  it.each(["/nowhere/edgecore.yaml", "/etc/\0x"])("B160 the path %j is refused with 66", (path) => {
    expect(thrown(() => readConfigFile(path, SCHEMA))).toMatchObject({ exitCode: 66 });
  });
});

describe("the reference of settings", () => {
  it("names every key with its default and meaning", () => {
    const table = configTable(SCHEMA);
    expect(table).toContain("| `modules.edgeHub.messageQPS` | `30` | Messages a second to the cloud. |");
    expect(table.split("\n").length).toBeGreaterThan(45);
    expect(ignoredKeys(SCHEMA)).toContain("modules.edged.tailoredKubeletConfig.evictionHard");
  });
});

describe("the command line", () => {
  it("takes --config and has KubeEdge's default", () => {
    expect(parseCommandLine([]).config).toBe("/etc/kubeedge/config/edgecore.yaml");
    expect(parseCommandLine(["--config", "/x"])).toEqual({
      config: "/x",
      agentDir: undefined,
      action: "run",
    });
    expect(parseCommandLine(["--agent-dir", "/agent"]).agentDir).toBe("/agent");
    expect(parseCommandLine(["--version"]).action).toBe("version");
    expect(parseCommandLine(["--hash-password"]).action).toBe("hash-password");
  });
  it.each(
    [
      ["--node-name=$(id)"],
      ["--config", "/a", "--config", "/b"],
      ["--config="],
      ["--config"],
      ["--agent-dir", "a"],
      ["run"],
    ].map((args) => ({ args })),
  )("B159 $args is refused with 64", ({ args }) => {
    expect(thrown(() => parseCommandLine(args))).toMatchObject({ exitCode: 64 });
  });
  it.each(["NODE_OPTIONS", "LD_PRELOAD"])("B161 %s in the environment is refused with 77", (name) => {
    expect(thrown(() => refuseEnvironment({ [name]: "x" }))).toMatchObject({ exitCode: 77 });
    expect(thrown(() => refuseEnvironment({ [name]: "", PATH: "/bin" }))).toBeUndefined();
  });
});

describe("the token file", () => {
  const file = (content: string, mode: number): string => {
    const path = join(directory(), "token");
    writeFileSync(path, content);
    chmodSync(path, mode);
    return path;
  };
  it("is read and trimmed", () => expect(readTokenFile(file(" abc\n", 0o600))).toBe("abc"));
  it("B156 is refused with 77 when others can read it", () => {
    expect(thrown(() => readTokenFile(file("abc", 0o644)))).toMatchObject({ exitCode: 77 });
  });
  it("B167 is refused with 65 when it is too large", () => {
    expect(thrown(() => readTokenFile(file("x".repeat(100_000), 0o600)))).toMatchObject({ exitCode: 65 });
  });
  it("is refused with 66 when it is missing", () => {
    expect(thrown(() => readTokenFile("/nowhere/token"))).toMatchObject({ exitCode: 66 });
  });
});
