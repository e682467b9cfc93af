// SPDX-License-Identifier: Apache-2.0
import { ORDER_KIND, type ActionReport, type JobKind } from "@longshore/crds/tasks";
import type { Frame } from "@longshore/crds/wire";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeBundle } from "../src/join/bundle.ts";
import { createAuthority } from "./join/authority.ts";
import { until } from "./tunnel/fakes.ts";
import { down, startHub, type Hub, type HubConnection } from "./tunnel/hub.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const START_MS = 20_000;
const folder = mkdtempSync(join(tmpdir(), "fleet-jobs-"));
let hub: Hub;
let agent: ChildProcess;
let api: string;
let connection: HubConnection;
let output = "";

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** The agent as it is, without a launcher and without a container runtime. */
beforeAll(async () => {
  const authority = await createAuthority();
  hub = await startHub(authority, true);
  const { cert, key } = await authority.node("edge-1");
  const identity = { ca: authority.caPem, cert, key };
  writeBundle(join(folder, "identity.json"), identity);
  api = `127.0.0.1:${await freePort()}`;
  const config = join(folder, "edgecore.yaml");
  writeFileSync(config, configOf(hub.address.replace("wss://", "")), { mode: 0o600 });
  const env = { ...process.env, NODE_OPTIONS: "" };
  const options = ["--conditions=source", "--disable-warning=ExperimentalWarning"];
  agent = spawn(process.execPath, [...options, MAIN, "--config", config], { env });
  for (const stream of [agent.stdout, agent.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => (output += text));
  await until(() => hub.connections.length > 0, `a session: ${output}`, START_MS);
  connection = await hub.connection(1);
  const hello = await connection.next("hello", isOperation("hello"));
  const reply = {
    ...{ sessionEpoch: 4, clusterEpoch: 2, inventory: "match" },
    ...{ pingIntervalMs: 10_000, keepaliveIntervalMs: 10_000, leaseDurationSeconds: 40 },
  };
  const route = { group: "longshore", operation: "response", resource: "session" };
  connection.send(down(route, reply, { parent_msg_id: hello.header.msg_id }));
}, START_MS * 2);

afterAll(async () => {
  agent.kill("SIGKILL");
  await hub.close();
  rmSync(folder, { recursive: true });
});

const configOf = (server: string): string => `apiVersion: edgecore.config.kubeedge.io/v1alpha2
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

const isOperation = (operation: string) => (frame: Frame) => frame.route.operation === operation;

/** Orders a job and answers its reports until the last. */
async function ordered(kind: JobKind, name: string, spec: object, last: string): Promise<ActionReport> {
  const metadata = { name, uid: `u-${name}`, resourceVersion: "7" };
  const resource = `null/${ORDER_KIND[kind]}/${name}`;
  connection.send(down({ operation: "insert", resource }, { kind, metadata, spec }));
  for (;;) {
    await until(() => connection.frames.some(isReport(name)), `a report of ${name}: ${output}`, START_MS);
    const told = await connection.next("a report", isReport(name));
    connection.send(
      down({ ...told.route, operation: "response" }, "OK", { parent_msg_id: told.header.msg_id }),
    );
    const report = told.content as ActionReport;
    if (report.action === last || !report.succ) return report;
  }
}
const isReport = (name: string) => (frame: Frame) =>
  frame.route.operation === "UpdateNodeActionStatus" && frame.route.resource?.includes(`/${name}/`) === true;

describe("the agent's program", () => {
  const nodeNames = ["edge-1"];

  it.each<[string, JobKind, object, RegExp]>([
    ["S9", "NodeUpgradeJob", { nodeNames, version: "v1.0.0;touch /tmp/p" }, /version/],
    ["S10", "ConfigUpdateJob", { nodeNames, updateFields: { "modules.edgeStream.enable": "x;id" } }, /./],
    ["R35", "NodeUpgradeJob", { nodeNames, version: "v1.30.0" }, /not started by its launcher/],
    [
      "R35",
      "ConfigUpdateJob",
      { nodeNames, updateFields: { "modules.edgeStream.enable": "true" } },
      /not started by its launcher/,
    ],
  ])("%s refuses a %s at its check: %j", async (row, kind, spec, reason) => {
    const report = await ordered(kind, `${kind}-${row}`.toLowerCase(), spec, "Check");
    expect(report).toMatchObject({ action: "Check", succ: false, attempt: 1 });
    expect(report.reason).toMatch(reason);
    expect(report.actions).toHaveLength(1);
  });

  it("A33 tells of each image that it could not pull", async () => {
    const template = { nodeNames, images: ["busybox:1.36"], checkItems: [], retryTimes: 0 };
    const report = await ordered("ImagePrePullJob", "pull", { imagePrePullTemplate: template }, "Pull");
    expect(report).toMatchObject({ action: "Pull", succ: false });
    expect(report.images).toMatchObject([{ image: "busybox:1.36", status: "False" }]);
  }, 60_000);

  it("A30 serves the confirmation where KubeEdge's MetaServer would, and nothing else", async () => {
    const post = (path: string) => fetch(`http://${api}${path}`, { method: "POST" });
    expect((await post("/api/v1/taskupgrade/confirm-upgrade")).status).toBe(400);
    expect((await post("/api/v1/nodes")).status).toBe(404);
  });

  it("ends in order and with 0 when it is asked to", async () => {
    agent.kill("SIGTERM");
    await expect(once(agent, "exit")).resolves.toEqual([0, null]);
  });
});
