// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { Agent, get } from "node:https";
import WebSocket from "ws";
import { parse } from "yaml";

interface Kubeconfig {
  readonly clusters: readonly [
    { readonly cluster: { readonly server: string; readonly "certificate-authority-data": string } },
  ];
  readonly users: readonly [
    { readonly user: { readonly "client-certificate-data": string; readonly "client-key-data": string } },
  ];
}

/** Of the WebSocket protocol for commands: the first byte of a message is the channel. */
const CHANNEL = { stdout: 1, error: 3 } as const;
const PROTOCOL = "v5.channel.k8s.io";

/** What kubectl does, without kubectl's own start: streams through the API server, with its administrator's certificate. */
export class StreamApi {
  readonly #server: URL;
  readonly #agent: Agent;
  readonly #tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };

  constructor(kubeconfig: string) {
    const { clusters, users } = parse(readFileSync(kubeconfig, "utf8")) as Kubeconfig;
    const data = (text: string): Buffer => Buffer.from(text, "base64");
    const [{ cluster }] = clusters;
    const [{ user }] = users;
    this.#server = new URL(cluster.server);
    this.#tls = {
      ca: data(cluster["certificate-authority-data"]),
      cert: data(user["client-certificate-data"]),
      key: data(user["client-key-data"]),
    };
    this.#agent = new Agent({ ...this.#tls, keepAlive: true });
  }

  /** The log of a pod's only container, as it comes. */
  logs(namespace: string, pod: string, query: string): Promise<IncomingMessage> {
    const url = new URL(`/api/v1/namespaces/${namespace}/pods/${pod}/log?${query}`, this.#server);
    return new Promise((resolve, reject) => {
      get(url, { agent: this.#agent }, (response) => {
        if (response.statusCode === 200) resolve(response);
        else reject(new Error(`log of ${pod}: status ${response.statusCode ?? 0}`));
      }).once("error", reject);
    });
  }

  /**
   * Runs a command without input to its end.
   *
   * @param onOutput called with the size of each piece of its output
   * @returns resolves when the API server told how it ended
   */
  exec(
    namespace: string,
    pod: string,
    command: readonly string[],
    onOutput: (bytes: number) => void = () => undefined,
  ): Promise<void> {
    const url = new URL(`/api/v1/namespaces/${namespace}/pods/${pod}/exec`, this.#server);
    url.protocol = "wss:";
    for (const word of command) url.searchParams.append("command", word);
    url.searchParams.set("stdout", "true");
    const socket = new WebSocket(url, [PROTOCOL], { ...this.#tls, perMessageDeflate: false });
    return new Promise((resolve, reject) => {
      socket.on("message", (data: Buffer) => {
        if (data[0] === CHANNEL.stdout) onOutput(data.length - 1);
        if (data[0] !== CHANNEL.error) return;
        const { status, message } = JSON.parse(data.subarray(1).toString()) as {
          status: string;
          message?: string;
        };
        socket.terminate();
        if (status === "Success") resolve();
        else reject(new Error(message ?? status));
      });
      socket.once("error", reject);
      socket.once("close", () => reject(new Error(`${command.join(" ")}: ended without a status`)));
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
