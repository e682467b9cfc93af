// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { accountKubeconfig, NAMESPACE } from "./cloud.ts";
import type { Kubectl } from "./kubectl.ts";
import type { Layout } from "./layout.ts";
import type { Ports } from "./ports.ts";
import { answersOk } from "./probes.ts";
import { startProcess, waitReady, type ProcessRecord } from "./processes.ts";

const READY_MS = 60_000;

interface WebhookConfiguration {
  readonly kind: string;
  readonly webhooks: { clientConfig: { url?: string; service?: { readonly path: string } } }[];
}

/** Starts the webhooks with the rights of their account, and has the API server ask them. */
export async function startWebhooks(layout: Layout, kubectl: Kubectl, ports: Ports): Promise<void> {
  const port = await ports.take(layout.firstPort + 14);
  const metrics = await ports.take(layout.firstPort + 15);
  const probes = await ports.take(layout.firstPort + 16);
  const configurations = await configurationsFor(layout, kubectl, port);
  const account = "longshore-webhooks";
  const kubeconfig = await accountKubeconfig(layout, kubectl, { account, namespace: NAMESPACE });
  await kubectl.apply(configurations, "--server-side", "--force-conflicts");
  const record = startProcess(layout, {
    name: "webhooks",
    command: process.execPath,
    args: [
      "--max-semi-space-size=4", // as in the Dockerfile
      join(layout.root, "dist/webhooks.js"),
      `--kubeconfig=${kubeconfig}`,
      ...["--bind-address=127.0.0.1", "--dns-names=127.0.0.1"],
      ...[`--port=${port}`, `--metrics-port=${metrics}`, `--probes-port=${probes}`],
    ],
  });
  await waitForWebhooks(layout, record);
}

/** What config/webhook installs, but with URLs: no Service leads out of a cluster. */
async function configurationsFor(layout: Layout, kubectl: Kubectl, port: number): Promise<string> {
  const text = await kubectl.run("kustomize", join(layout.root, "config/webhook"));
  const items = parseAllDocuments(text)
    .map((document) => document.toJS() as WebhookConfiguration)
    .filter(({ kind }) => kind.endsWith("WebhookConfiguration"));
  if (items.length === 0) throw new Error("config/webhook has no webhook configuration");
  for (const { clientConfig } of items.flatMap(({ webhooks }) => webhooks)) {
    clientConfig.url = `https://127.0.0.1:${port}${clientConfig.service?.path ?? ""}`;
    delete clientConfig.service;
  }
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

export function waitForWebhooks(layout: Layout, record: ProcessRecord): Promise<void> {
  const port = record.args.find((arg) => arg.startsWith("--probes-port="))?.split("=")[1] ?? "";
  return waitReady(layout, record, READY_MS, () => answersOk(`http://127.0.0.1:${port}/readyz`));
}
