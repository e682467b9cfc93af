// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { Agent, get } from "node:https";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import type { KubeconfigView } from "../cluster/objects.ts";
import type { Environment } from "./environment.ts";

/** Follows the log of a pod at the API server as `kubectl logs -f` does, without the price of a process. */
export interface Follower {
  text(): string;
  bytes(): number;
  /** It reads from now on; until then what is sent to it stands still. */
  read(): void;
  stop(): void;
}

/** @param reads whether it reads at once */
export async function follow(
  env: Environment,
  namespace: string,
  pod: string,
  reads: boolean,
): Promise<Follower> {
  const view = await env.kubectl.json<KubeconfigView>("config", "view", "--raw", "--minify");
  const pem = (name: string): string => readFileSync(join(env.layout.pki, name), "utf8");
  const credentials = { ca: pem("ca.crt"), cert: pem("admin.crt"), key: pem("admin.key") };
  const url = `${view.clusters[0].cluster["server"] ?? ""}/api/v1/namespaces/${namespace}/pods/${pod}/log?follow=true`;
  const agent = new Agent({ ...credentials, keepAlive: false });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { agent }, resolve).once("error", reject);
  });
  if (response.statusCode !== 200) throw new Error(`${url}: ${response.statusCode ?? 0}`);
  let text = "";
  let bytes = 0;
  response.once("error", () => undefined); // what has come is what is judged
  const read = (): void => {
    response.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (text.length < 4 * 1024 * 1024) text += chunk.toString();
    });
  };
  if (reads) read();
  return { text: () => text, bytes: () => bytes, read, stop: () => response.destroy() };
}
