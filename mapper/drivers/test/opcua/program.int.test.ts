// SPDX-License-Identifier: Apache-2.0
// The whole program, with an edge in the test's hand and a real server.
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createTestEdge, type TestEdge } from "../../../test/support/edge.ts";
import { dmiDevice, type DmiProperty } from "../support/dmi.ts";
import { run, until, type Program } from "../support/process.ts";
import { startOpcuaServer, type OpcuaServer } from "./support/opcua-server.ts";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
/** Flags of Node that keep the program small. */
const SMALL = ["--lite-mode", "--max-semi-space-size=1", "--no-node-snapshot"];
const BUILD = 'await (await import("./hack/build.ts")).buildPrograms(["opcua-mapper"]);';
const DEVICES = 10;
const MAX_RSS_MB = 120;

const PROPERTIES: readonly DmiProperty[] = [
  { name: "temperature", type: "FLOAT", config: { nodeID: "ns=2;s=Float" } },
  { name: "level", type: "INT", config: { nodeID: "ns=2;s=Int32" }, desired: "42" },
  { name: "label", type: "STRING", config: { nodeID: "ns=2;s=String", browseName: "String" } },
];

describe("the program opcua-mapper", () => {
  let dir: string;
  let edge: TestEdge;
  let server: OpcuaServer;
  let program: Program | undefined;

  beforeAll(async () => {
    execFileSync(process.execPath, ["--conditions=source", "--input-type=module", "-e", BUILD], {
      cwd: ROOT,
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    dir = mkdtempSync(join(tmpdir(), "opcua-"));
    chmodSync(dir, 0o700);
    server = await startOpcuaServer(dir);
    edge = createTestEdge(join(dir, "dmi.sock"));
    const made = Array.from({ length: DEVICES }, (_, i) =>
      dmiDevice(`plc-${i}`, { name: "opcua", config: { url: server.url } }, PROPERTIES),
    );
    edge.set = { devices: made.map(({ device }) => device), models: made.map(({ model }) => model) };
    await edge.start();
    const args = ["--dmi-socket", join(dir, "dmi.sock"), "--socket", join(dir, "opcua.sock"), "--http", ""];
    program = run("env", [
      ...["NODE_OPTIONS=", `OPCUA_PKI_FOLDER=${join(dir, "pki")}`],
      ...[process.execPath, ...SMALL, join(ROOT, "dist/opcua-mapper.js"), ...args],
    ]);
    program.child.stdout.resume();
  }, 120_000);
  afterAll(async () => {
    await program?.kill();
    edge.crash();
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  const reported = (device: string, name: string): string | undefined =>
    edge.reports
      .filter(({ deviceName }) => deviceName === device)
      .flatMap(({ reportedDevice }) => reportedDevice?.twins ?? [])
      .filter(({ propertyName }) => propertyName === name)
      .at(-1)?.reported?.value;
  const stateOf = (device: string): string | undefined =>
    edge.states.filter(({ deviceName }) => deviceName === device).at(-1)?.state;

  it(`reads ${DEVICES} devices of one server in ${MAX_RSS_MB} MB and writes what is desired`, async () => {
    await until(() => reported("plc-9", "temperature") === "21.5", "the last device reports", 60_000);
    await until(() => reported("plc-0", "level") === "42", "what was desired is read back");
    expect(reported("plc-3", "label")).toBe("grün");
    await until(() => edge.reports.length > DEVICES * PROPERTIES.length * 20, "20 reports of each", 60_000);
    const [, kib] =
      /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${program?.child.pid}/status`, "utf8")) ?? [];
    const rssMb = (Number(kib) * 1024) / 1e6;
    process.stdout.write(`opcua-mapper, ${DEVICES} devices: ${rssMb.toFixed(1)} MB\n`);
    expect(rssMb).toBeLessThan(MAX_RSS_MB);
  }, 150_000);

  it("reports its devices offline while the server is away, and online when it is back", async () => {
    await until(() => stateOf("plc-0") === "online", "the device is online");
    await server.stop();
    await until(() => stateOf("plc-0") === "offline" && stateOf("plc-9") === "offline", "offline", 60_000);
    server = await startOpcuaServer(dir, server.port);
    await until(() => stateOf("plc-0") === "online" && stateOf("plc-9") === "online", "online again", 60_000);
    const before = edge.reports.length;
    await until(() => edge.reports.length > before + DEVICES, "reports go on");
    expect(stateOf("plc-0")).toBe("online");
  }, 180_000);
});
