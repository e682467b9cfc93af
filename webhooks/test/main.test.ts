// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";
import { freePort } from "../../operators/test/apiserver.ts";
import { selfSigned } from "./certificate.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

interface Run {
  readonly child: ChildProcess;
  readonly exit: Promise<number | null>;
  readonly output: () => string;
}

function start(...flags: string[]): Run {
  const child = spawn(process.execPath, ["--conditions=source", MAIN, ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (bytes: Buffer) => (output += bytes.toString()));
  return { child, exit: new Promise((resolve) => child.once("exit", resolve)), output: () => output };
}

async function eventually(check: () => Promise<boolean> | boolean): Promise<void> {
  const endMs = performance.now() + 30_000;
  while (!(await Promise.resolve(check()).catch(() => false))) {
    if (performance.now() > endMs) throw new Error(`never: ${check.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Fingerprint of the certificate that is served. */
const served = (port: number, ca: string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, servername: "localhost", ca }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.on("error", reject);
  });

describe("the webhooks' process", () => {
  let dir: string;
  const made: string[] = [];
  const flags = (): string[] => [
    `--tls-cert-file=${join(dir, "tls.crt")}`,
    `--tls-key-file=${join(dir, "tls.key")}`,
  ];
  const store = async (): Promise<void> => {
    const { cert, key } = await selfSigned();
    writeFileSync(join(dir, "tls.key"), key);
    writeFileSync(join(dir, "tls.crt"), cert);
    made.push(cert);
  };
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "longshore-webhooks-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it.each([
    { when: "help is asked for", more: ["--help"], code: 0, says: "--tls-cert-file" },
    { when: "a flag is unknown", more: ["--nonsense"], code: 64, says: "--nonsense" },
    { when: "there is no certificate", more: [], code: 78, says: "tls.crt: cannot be read" },
  ])("exits with $code when $when", async ({ more, code, says }) => {
    const { exit, output } = start(...flags(), ...more);
    expect(await exit).toBe(code);
    expect(output()).toContain(says);
  });

  it("exits with 70 when its port is taken", async () => {
    await store();
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => taken.once("listening", resolve));
    const { port } = taken.address() as { port: number };
    const { exit, output } = start(...flags(), "--bind-address=127.0.0.1", `--port=${port}`);
    expect(await exit).toBe(70);
    expect(output()).toContain("EADDRINUSE");
    taken.close();
  });

  it("serves reviews, metrics and probes, takes a new certificate and keeps it over a broken one, and stops", async () => {
    await store();
    const [port = 0, metrics, probes] = await Promise.all(Array.from({ length: 3 }, freePort));
    const ports = [`--port=${port}`, `--metrics-port=${metrics}`, `--probes-port=${probes}`];
    const run = start(...flags(), "--bind-address=127.0.0.1", ...ports);
    try {
      await eventually(async () => (await fetch(`http://127.0.0.1:${probes}/readyz`)).ok);
      const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
      expect(text).toContain("controller_runtime_webhook_requests_total");
      expect((await fetch(`http://127.0.0.1:${metrics}/other`)).status).toBe(404);
      const before = await served(port, made);
      await store();
      await eventually(async () => (await served(port, made)) !== before);
      const after = await served(port, made);
      writeFileSync(join(dir, "tls.crt"), "broken");
      await eventually(() => run.output().includes("the old one stays"));
      expect(await served(port, made)).toBe(after);
      run.child.kill("SIGTERM");
      expect(await run.exit).toBe(0);
      expect(run.output()).toContain("stopped");
    } finally {
      run.child.kill("SIGKILL");
    }
  });
});
