// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import { freePort } from "../../operators/test/apiserver.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
/** The folder of what is installed. */
export const CONFIG = fileURLToPath(new URL("../../config", import.meta.url));

type Kubectl = (args: readonly string[], stdin?: string) => Promise<string>;

interface Configuration {
  readonly kind: string;
  readonly webhooks: { clientConfig: { service?: { path: string }; url?: string } }[];
}

/** Both configurations of config/webhook as one List, but with URLs, for no Service leads out of a cluster. */
export async function configurationsFor(kubectl: Kubectl, port: number): Promise<string> {
  const items = parseAllDocuments(await kubectl(["kustomize", join(CONFIG, "webhook")]))
    .map((document) => document.toJS() as Configuration)
    .filter(({ kind }) => kind.endsWith("WebhookConfiguration"));
  for (const { clientConfig } of items.flatMap(({ webhooks }) => webhooks)) {
    clientConfig.url = `https://127.0.0.1:${port}${clientConfig.service?.path ?? ""}`;
    delete clientConfig.service;
  }
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

/** One process of the webhooks. */
export interface Replica {
  readonly port: number;
  readonly probes: number;
  readonly child: ChildProcess;
  readonly output: () => string;
}

/** Starts one with a certificate of its own making; `port` 0 takes a free one. */
export async function startReplica(
  kubeconfig: string,
  { port = 0, flags = [] }: { readonly port?: number; readonly flags?: readonly string[] } = {},
): Promise<Replica> {
  const [reviews, metrics, probes] = [port || (await freePort()), await freePort(), await freePort()];
  const own = [
    ...[`--kubeconfig=${kubeconfig}`, "--bind-address=127.0.0.1", "--dns-names=127.0.0.1"],
    ...[`--port=${reviews}`, `--metrics-port=${metrics}`, `--probes-port=${probes}`],
    ...["--check-interval=300ms", "--ca-settle=1s", "--ca-overlap=3s"],
  ];
  const child = spawn(process.execPath, ["--conditions=source", MAIN, ...own, ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (bytes: Buffer) => (output += bytes.toString()));
  return { port: reviews, probes, child, output: () => output };
}

/** @throws {Error} with what it said, while it is not ready */
export async function requireReady({ probes, output }: Replica): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${probes}/readyz`);
  if (!answer.ok) throw new Error(`${await answer.text()}\n${output()}`);
}

/** Tries until it succeeds. */
export async function eventually<T>(check: () => Promise<T> | T, timeoutMs = 40_000): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > endMs) throw error;
      await sleep(50);
    }
  }
}
