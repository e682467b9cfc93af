// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Layout } from "../cluster/layout.ts";
import { answersOk } from "../cluster/probes.ts";
import { startProcess, stopProcess, waitReady } from "../cluster/processes.ts";
import { readState } from "../cluster/state.ts";
import { eventually } from "./eventually.ts";

/** A real Prometheus where the controllers ask, and one series, `error_rate`, that a test sets. */
export interface Prometheus {
  /** Resolves when a query gives the value. */
  set(errorRate: number): Promise<void>;
  stop(): Promise<void>;
}

const NAME = "prometheus";
const READY_MS = 30_000;
const SEEN_MS = 15_000;

interface Answer {
  readonly data: { readonly result: readonly { readonly value: readonly [number, string] }[] };
}

export async function startPrometheus(layout: Layout): Promise<Prometheus> {
  const { prometheusPort } = readState(layout);
  if (prometheusPort === undefined) throw new Error("the environment has no port for Prometheus");
  let errorRate = 0;
  const exporter = createServer((_request, response) => {
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(`error_rate ${errorRate}\n`);
  });
  await new Promise<void>((resolve) => exporter.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${prometheusPort}`;
  const dir = join(layout.dir, NAME);
  const { port } = exporter.address() as AddressInfo;
  await stopProcess(layout, NAME, { forget: true }); // what an earlier run left
  const record = startProcess(layout, {
    name: NAME,
    command: "/usr/bin/prometheus",
    args: [
      `--config.file=${writeConfig(dir, port)}`,
      `--storage.tsdb.path=${join(dir, "data")}`,
      `--web.listen-address=127.0.0.1:${prometheusPort}`,
    ],
  });
  await waitReady(layout, record, READY_MS, () => answersOk(`${url}/-/ready`));
  return {
    async set(value) {
      errorRate = value;
      const query = `${url}/api/v1/query?query=error_rate`;
      await eventually(
        async () => {
          const { data } = (await (await fetch(query)).json()) as Answer;
          const now = data.result[0]?.value[1];
          if (now !== String(value)) throw new Error(`error_rate is ${now ?? "unknown"}, not ${value}`);
        },
        { timeoutMs: SEEN_MS },
      );
    },
    async stop() {
      await stopProcess(layout, NAME, { forget: true });
      exporter.closeAllConnections();
      exporter.close();
    },
  };
}

function writeConfig(dir: string, port: number): string {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  const config = {
    global: { scrape_interval: "1s" },
    scrape_configs: [{ job_name: "app", static_configs: [{ targets: [`127.0.0.1:${port}`] }] }],
  };
  const path = join(dir, "prometheus.yml");
  writeFileSync(path, JSON.stringify(config));
  return path;
}
