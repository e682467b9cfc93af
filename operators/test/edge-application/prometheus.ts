// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../apiserver.ts";

export interface TestPrometheus {
  readonly port: number;
  /** What the exporter shows at the next scrape, a second away at most, in the text format. */
  show(text: string): void;
  stop(): Promise<void>;
}

export interface PrometheusOptions {
  /** Serves TLS with these PEM files. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly routePrefix?: string;
}

/** Starts a real Prometheus on loopback that scrapes an exporter of the test each second. */
export async function startPrometheus(options: PrometheusOptions = {}): Promise<TestPrometheus> {
  let shown = "";
  const exporter = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(shown);
  });
  await new Promise<void>((resolve) => exporter.listen(0, "127.0.0.1", resolve));
  const dir = await mkdtemp(join(tmpdir(), "longshore-prometheus-"));
  const port = await freePort();
  const child = await launch(dir, port, (exporter.address() as AddressInfo).port, options);
  const stop = async (): Promise<void> => {
    await end(child);
    exporter.closeAllConnections();
    exporter.close();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    await untilReady(child, join(dir, "log"));
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, show: (text) => void (shown = `${text}\n`), stop };
}

async function launch(
  dir: string,
  port: number,
  target: number,
  { tls, routePrefix }: PrometheusOptions,
): Promise<ChildProcess> {
  const scrape = {
    global: { scrape_interval: "1s" },
    scrape_configs: [{ job_name: "test", static_configs: [{ targets: [`127.0.0.1:${target}`] }] }],
  };
  await writeFile(join(dir, "prometheus.yml"), JSON.stringify(scrape)); // JSON is YAML
  const web = tls && { tls_server_config: { cert_file: tls.cert, key_file: tls.key } };
  await writeFile(join(dir, "web.yml"), JSON.stringify(web ?? {}));
  const args = [
    `--config.file=${join(dir, "prometheus.yml")}`,
    `--web.config.file=${join(dir, "web.yml")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    `--storage.tsdb.path=${join(dir, "data")}`,
    ...(routePrefix === undefined ? [] : [`--web.route-prefix=${routePrefix}`]),
  ];
  // The kernel ends it with us, also when a test runner is killed.
  const shell = 'exec setpriv --pdeathsig KILL prometheus "$@" 2>"$0"';
  return spawn("/bin/sh", ["-c", shell, join(dir, "log"), ...args], { stdio: "ignore" });
}

async function untilReady(child: ChildProcess, log: string): Promise<void> {
  const endMs = performance.now() + 60_000;
  for (;;) {
    const text = await readFile(log, "utf8").catch(() => "");
    if (text.includes("Server is ready to receive web requests")) return;
    if (child.exitCode !== null || performance.now() > endMs)
      throw new Error(`prometheus did not become ready: ${text.slice(-2000)}`);
    await sleep(50);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}
