// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import {
  ConfigError,
  configDocs,
  configHelp,
  readConfig,
  shownConfig,
  type Config,
} from "../../src/config/index.ts";

interface Given {
  readonly argv?: readonly string[];
  readonly env?: Record<string, string>;
  readonly file?: string;
}

function read({ argv = [], env = {}, file }: Given): Config {
  const flags = file === undefined ? argv : ["--config", "c.yaml", ...argv];
  const result = readConfig({ argv: flags, env, readFile: () => file ?? "" });
  if (result.action === "help") throw new Error("help");
  return result.config;
}

function refusal(given: Given): ConfigError {
  try {
    read(given);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("accepted");
}

describe("the configuration", () => {
  it("has a default for everything", () => {
    expect(read({})).toMatchObject({
      role: "all",
      namespace: "kubeedge",
      security: "compatible",
      hub: {
        tunnelPort: 10000,
        joinPort: 10002,
        windowFrames: 64,
        windowBytes: 262144,
        legacyKeepaliveTimeoutMs: 30_000,
        stream: {
          ...{ enabled: true, port: 10003, tunnelPort: 10004, advertisePort: 0, addressType: "InternalIP" },
          ...{ apiServerNames: ["kube-apiserver-kubelet-client"], scraperNames: [], clientCaFile: "" },
        },
      },
      controllers: { leaderElect: true, resyncHours: 6 },
      metrics: { hubPort: 9091, controllersPort: 9092 },
      probes: { port: 9440 },
    });
  });

  it.each([
    { when: "only the file says", given: { file: "hub: {tunnelPort: 1}" }, want: 1 },
    {
      when: "file and variable say",
      given: { file: "hub: {tunnelPort: 1}", env: { LONGSHORE_HUB_TUNNEL_PORT: "2" } },
      want: 2,
    },
    {
      when: "file, variable and flag say",
      given: {
        file: "hub: {tunnelPort: 1}",
        env: { LONGSHORE_HUB_TUNNEL_PORT: "2" },
        argv: ["--hub-tunnel-port=3"],
      },
      want: 3,
    },
    { when: "the flag's value is the next word", given: { argv: ["--hub-tunnel-port", "4"] }, want: 4 },
  ])("takes $want when $when", ({ given, want }) => {
    expect(read(given).hub.tunnelPort).toBe(want);
  });

  it.each([
    ["1000ms", 1000],
    ["30s", 30_000],
    ["1.5s", 1500],
    ["5m", 300_000],
  ])("reads the duration %s", (text, ms) => {
    expect(read({ file: `hub: {keepaliveInterval: ${text}}` }).hub.keepaliveIntervalMs).toBe(ms);
  });

  it("reads lists from YAML and from commas, and switches without a value", () => {
    const config = read({
      file: "hub: {advertiseAddresses: [10.0.0.1, 10.0.0.2]}",
      argv: ["--hub-dns-names=a.example, b.example", "--controllers-leader-elect=false"],
    });
    expect(config.hub.advertiseAddresses).toEqual(["10.0.0.1", "10.0.0.2"]);
    expect(config.hub.dnsNames).toEqual(["a.example", "b.example"]);
    expect(config.controllers.leaderElect).toBe(false);
    expect(read({ argv: ["--controllers-leader-elect", "--role", "hub"] }).role).toBe("hub");
  });

  it("names all faults at once and ends with 78", () => {
    const error = refusal({
      file: "hub: {tunnelPort: 99999, pingInterval: soon, nope: 1}\nwhat: {ever: 2}\nredis: 3\n",
      env: { LONGSHORE_ROLE: "king", LONGSHORE_REDIS_URL: "http://x" },
    });
    expect(error.exitCode).toBe(78);
    expect(error.faults).toHaveLength(7);
    expect(error.message).toMatch(/hub\.tunnelPort: expected an integer from 0 to 65535/);
    expect(error.message).toMatch(/hub\.nope: unknown key/);
    expect(error.message).toMatch(/LONGSHORE_ROLE: expected controllers or hub or all/);
  });

  it.each([
    { when: "a flag is unknown", argv: ["--hub-tunnel-prot=1", "--x"], faults: 2 },
    { when: "a value is missing", argv: ["--hub-tunnel-port"], faults: 1 },
    { when: "the next word is a flag", argv: ["--hub-tunnel-port", "--role=hub"], faults: 1 },
  ])("ends with 64 when $when", ({ argv, faults }) => {
    const error = refusal({ argv });
    expect(error.exitCode).toBe(64);
    expect(error.faults).toHaveLength(faults);
  });

  it.each(["hub: [", "just text", "hub: 1"])("ends with 78 for the broken file %j", (file) => {
    expect(refusal({ file }).exitCode).toBe(78);
  });

  it("says so when the file cannot be read", () => {
    const readFile = (): string => {
      throw new Error("ENOENT: no such file");
    };
    expect(() => readConfig({ argv: ["--config=gone.yaml"], env: {}, readFile })).toThrow(
      /gone\.yaml: ENOENT/,
    );
  });

  it.each([
    { url: "", isTaken: true },
    { url: "http://prometheus.monitoring:9090", isTaken: true },
    { url: "https://prometheus.example/base", isTaken: true },
    { url: "https://user:hunter2@prometheus.example", isTaken: false },
    { url: "http://prometheus:9090/?query=1", isTaken: false },
    { url: "file:///etc/passwd", isTaken: false },
    { url: "prometheus:9090", isTaken: false },
    { url: "http://", isTaken: false },
  ])("takes $url as the address of a Prometheus: $isTaken", ({ url, isTaken }) => {
    const given = { argv: [`--controllers-rollouts-prometheus-url=${url}`] };
    if (isTaken) expect(read(given).controllers.rollouts.prometheusUrl).toBe(url);
    else expect(refusal(given).message).not.toContain("hunter2");
  });

  it("has no identity of its own: a random one is right for every process, a shared one for none", () => {
    expect(read({}).controllers.identity).toBe("");
    expect(read({ env: { LONGSHORE_CONTROLLERS_IDENTITY: "pod-0" } }).controllers.identity).toBe("pod-0");
  });

  it("shows no password", () => {
    const config = read({ argv: ["--redis-url=rediss://user:hunter2@redis:6379"] });
    expect(config.redis.url).toContain("hunter2");
    expect(shownConfig(config)["redis.url"]).toBe("rediss://***@redis:6379");
    expect(refusal({ argv: ["--redis-url=htp://:hunter2@x"] }).message).not.toContain("hunter2");
  });

  it("describes every setting in the help and in the docs", () => {
    expect(configHelp()).toMatch(/--hub-legacy-keepalive-timeout +An EdgeCore .*default 30s/);
    expect(configDocs()).toContain(
      "| `hub.pingInterval` | `--hub-ping-interval` | `LONGSHORE_HUB_PING_INTERVAL` |",
    );
    expect(readConfig({ argv: ["--help", "--nonsense"], env: {}, readFile: () => "" })).toEqual({
      action: "help",
    });
  });
});
