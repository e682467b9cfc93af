// SPDX-License-Identifier: Apache-2.0
import { ORDER_KIND, type ActionReport, type JobKind } from "@longshore/crds/tasks";
import type { Frame } from "@longshore/crds/wire";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeBundle } from "../src/join/bundle.ts";
import { freePort } from "../../hack/free-port.ts";
import { createAuthority } from "./join/authority.ts";
import { until } from "./tunnel/fakes.ts";
import { down, startHub, type HubConnection } from "./tunnel/hub.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const LAUNCHER = fileURLToPath(new URL("../src/launcher/main.ts", import.meta.url));
const OPTIONS = ["--conditions=source", "--disable-warning=ExperimentalWarning"];
export const START_MS = 50_000;

/** The agent's program with a hub on the other side, which takes every report. There is no container runtime. */
export interface AgentProcess {
  readonly child: ChildProcess;
  readonly configFile: string;
  /** `host:port` of the local API */
  readonly api: string;
  /** Times that it has connected. */
  connections(): number;
  output(): string;
  /** Orders a job. @returns its last report: of the step `last`, or of one that failed */
  run(job: { kind: JobKind; name: string; spec: object }, last: string): Promise<ActionReport>;
  end(): Promise<void>;
}

/** @param withLauncher its launcher starts it, and again for ever */
export async function startAgentProcess(withLauncher: boolean): Promise<AgentProcess> {
  const folder = mkdtempSync(join(tmpdir(), "agent-process-"));
  const authority = await createAuthority();
  const hub = await startHub(authority, true);
  const { cert, key } = await authority.node("edge-1");
  writeBundle(join(folder, "identity.json"), { ca: authority.caPem, cert, key });
  const api = `127.0.0.1:${await freePort()}`;
  const configFile = join(folder, "edgecore.yaml");
  writeFileSync(configFile, configOf(folder, hub.address.replace("wss://", ""), api), { mode: 0o600 });
  const command = withLauncher ? launched(folder, configFile) : [...OPTIONS, MAIN, "--config", configFile];
  const mask = process.umask(0o077);
  const child = spawn(process.execPath, command, { env: { ...process.env, NODE_OPTIONS: "" } });
  process.umask(mask);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const reports: Frame[] = [];
  const timer = setInterval(() => hub.connections.forEach((connection) => serve(connection, reports)), 10);
  await until(() => hub.connections.length > 0, "a session", START_MS).catch((error: unknown) => {
    clearInterval(timer);
    child.kill("SIGKILL");
    throw new Error(output, { cause: error });
  });
  const isReport = (name: string) => (frame: Frame) => frame.route.resource?.includes(`/${name}/`) === true;
  return {
    child,
    configFile,
    api,
    connections: () => hub.connections.length,
    output: () => output,
    run: async ({ kind, name, spec }, last) => {
      const metadata = { name, uid: `u-${name}`, resourceVersion: "7" };
      const resource = `null/${ORDER_KIND[kind]}/${name}`;
      hub.connections.at(-1)?.send(down({ operation: "insert", resource }, { kind, metadata, spec }));
      const isLast = ({ action, succ }: ActionReport): boolean =>
        action === last || (!succ && action !== "Update");
      const found = () =>
        reports
          .filter(isReport(name))
          .map(({ content }) => content as ActionReport)
          .find(isLast);
      await until(() => found() !== undefined, `the last report of ${name}`, START_MS * 2);
      return found()!;
    },
    end: async () => {
      clearInterval(timer);
      const ended = child.exitCode === null ? once(child, "exit") : undefined;
      child.kill("SIGTERM");
      await ended;
      await hub.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** A slot's program that is the sources, started by the launcher as it is. */
function launched(folder: string, configFile: string): string[] {
  const seed = join(folder, "seed");
  mkdirSync(seed);
  writeFileSync(join(seed, "edge-agent.js"), `import(${JSON.stringify(MAIN)});\n`);
  const own = ["--agent-dir", join(folder, "agent"), "--seed", seed, "--stay", "--config", configFile];
  return [...OPTIONS, LAUNCHER, ...own, "--", ...OPTIONS];
}

const REPLY = {
  ...{ sessionEpoch: 4, clusterEpoch: 2, inventory: "match" },
  ...{ pingIntervalMs: 10_000, keepaliveIntervalMs: 10_000, leaseDurationSeconds: 40 },
};

/** Greets, and takes what is reported. */
function serve(connection: HubConnection, reports: Frame[]): void {
  for (const frame of connection.frames.splice(0)) {
    const parent = { parent_msg_id: frame.header.msg_id };
    const { operation } = frame.route;
    const greeting = { group: "longshore", operation: "response", resource: "session" };
    if (operation === "hello") connection.send(down(greeting, REPLY, parent));
    if (operation !== "UpdateNodeActionStatus") continue;
    reports.push(frame);
    connection.send(down({ ...frame.route, operation: "response" }, "OK", parent));
  }
}

const configOf = (
  folder: string,
  server: string,
  api: string,
): string => `apiVersion: edgecore.config.kubeedge.io/v1alpha2
kind: EdgeCore
database:
  dataSource: ${folder}/edgecore.db
modules:
  deviceTwin:
    enable: false
  edgeHub:
    httpServer: https://127.0.0.1:1
    websocket:
      server: ${server}
  edged:
    hostnameOverride: edge-1
    rootDirectory: ${folder}/kubelet
    tailoredKubeletConfig:
      containerRuntimeEndpoint: unix://${folder}/none.sock
  eventBus:
    enable: false
  metaManager:
    metaServer:
      enable: true
      server: ${api}
longshore:
  backupDir: ${folder}/backup
  identityFile: ${folder}/identity.json
`;
