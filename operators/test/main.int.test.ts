// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createClient, loadKubeConfig } from "../src/runtime/index.ts";
import { freePort, startApiServer, type ApiServer } from "./apiserver.ts";
import { installCrds } from "./crds.ts";
import { eventually } from "./runtime/eventually.ts";
import { NAMESPACES } from "./runtime/kinds.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
let api: ApiServer;

beforeAll(async () => {
  api = await startApiServer();
  const client = createClient({ kubeConfig: loadKubeConfig(api.kubeconfig), userAgent: "test" });
  await installCrds(client);
  await client.create(NAMESPACES, { metadata: { name: "kubeedge" } });
  await client.close();
}, 100_000);
afterAll(() => api.stop());

interface Run {
  readonly child: ChildProcess;
  readonly output: string[];
  readonly exit: Promise<number | null>;
}

function start(...flags: string[]): Run {
  const child = spawn(process.execPath, ["--conditions=source", MAIN, ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (bytes: Buffer) => output.push(bytes.toString()));
  return { child, output, exit: new Promise((resolve) => child.once("exit", resolve)) };
}

describe("the operators' process", () => {
  it.each([
    { when: "help is asked for", flags: ["--help"], code: 0, says: "--hub-tunnel-port" },
    { when: "a flag is unknown", flags: ["--nonsense"], code: 64, says: "--nonsense: unknown flag" },
    {
      when: "a value is wrong",
      flags: ["--hub-tunnel-port=x", "--role=y"],
      code: 78,
      says: "--role: expected",
    },
    {
      when: "none is given and this is no pod",
      flags: [],
      code: 78,
      says: "kubeconfig: needed outside of a",
    },
    { when: "the kubeconfig is missing", flags: ["--kubeconfig=/nonexistent"], code: 78, says: "ENOENT" },
  ])("exits with $code when $when", async ({ flags, code, says }) => {
    const { exit, output } = start(...flags);
    expect(await exit).toBe(code);
    expect(output.join("")).toContain(says);
  });

  it("serves all roles although Redis is away, gets ready, shows no password and stops on SIGTERM", async () => {
    const [probes, metrics, tunnel, join, redis, stream, edges] = await Promise.all(
      Array.from({ length: 7 }, freePort),
    );
    const run = start(
      `--kubeconfig=${api.kubeconfig}`,
      `--redis-url=redis://:hunter2@127.0.0.1:${redis}`,
      `--probes-port=${probes}`,
      `--metrics-controllers-port=${metrics}`,
      `--hub-tunnel-port=${tunnel}`,
      `--hub-join-port=${join}`,
      `--hub-stream-port=${stream}`,
      `--hub-stream-tunnel-port=${edges}`,
    );
    try {
      await eventually(async () =>
        expect(await (await fetch(`http://127.0.0.1:${probes}/readyz`)).text()).toBe("ok"),
      );
      const served = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
      expect(served).toContain(
        'controller_runtime_reconcile_total{controller="workload",result="success"} 0',
      );
      run.child.kill("SIGTERM");
      expect(await run.exit).toBe(0);
      expect(run.output.join("")).toContain("stopped");
      expect(run.output.join("")).not.toContain("hunter2");
    } finally {
      run.child.kill("SIGKILL");
    }
  });
});
