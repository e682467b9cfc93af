// SPDX-License-Identifier: Apache-2.0
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { request } from "node:https";
import { Registry } from "prom-client";
import { Pkcs10CertificateRequestGenerator, type Extension, type JsonName } from "@peculiar/x509";
import {
  createJoinServer,
  openAuthority,
  openTokenKeeper,
  SecretStore,
  type JoinOptions,
} from "../../../src/hub/join/index.ts";
import { FakeClient } from "../uplink/fake-client.ts";

export {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** Time that stands still until it is told to move. */
export class ManualClock {
  #nowMs = Date.now();
  #tasks: { atMs: number; task: () => void }[] = [];
  nowMs(): number {
    return this.#nowMs;
  }
  wallMs(): number {
    return this.#nowMs;
  }
  schedule(delayMs: number, task: () => void): () => void {
    const entry = { atMs: this.#nowMs + delayMs, task };
    this.#tasks.push(entry);
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== entry);
    };
  }
  advance(ms: number): void {
    this.#nowMs += ms;
    const due = this.#tasks.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#tasks = this.#tasks.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { task } of due) task();
  }
}

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
  readonly text: string;
  readonly type: string;
}

export interface Ask {
  readonly headers?: Record<string, string | string[]>;
  readonly body?: Buffer;
  readonly cert?: string;
  readonly key?: string;
}

/** The real listener on a free port of the loopback, with a CA of its own. */
export async function joinBench(options: Partial<JoinOptions> = {}, hosts = ["127.0.0.1", "localhost"]) {
  const client = new FakeClient();
  const clock = new ManualClock();
  const registry = new Registry();
  const lines: string[] = [];
  const write = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const log = { debug: write, info: write, warn: write, error: write };
  const store = new SecretStore(client, "kubeedge");
  const authority = await openAuthority(store, clock, { hub: "hub-0", hosts });
  const tokens = await openTokenKeeper(store, authority.ca.certificate, clock);
  const issuedByToken: string[] = [];
  const failing = { join: false };
  const server = createJoinServer(
    {
      authority,
      tokens,
      client,
      clock,
      log,
      registry,
      onIssuedByToken: (node) => {
        if (failing.join) return Promise.reject(new Error("Redis is away"));
        issuedByToken.push(node);
        return Promise.resolve();
      },
    },
    { host: "127.0.0.1", port: 0, ...options },
  );
  const port = await server.start();
  const ask = (path: string, more: Ask = {}): Promise<Answer> =>
    get({ port, ca: authority.tls.ca }, path, more);
  const jwt = (claims: { ttlMs?: number; node?: string } = {}): string =>
    tokens
      .create({ ttlMs: 3_600_000, ...claims })
      .split(".")
      .slice(1)
      .join(".");
  const join = async (node: string, csr?: Buffer, more: Record<string, string> = {}): Promise<Answer> =>
    ask("/edge.crt", {
      headers: { NodeName: node, Authorization: `Bearer ${jwt()}`, ...more },
      body: csr ?? (await makeCsr(node)).der,
    });
  const rejected = async (reason: string): Promise<number> => {
    const metric = await registry.getSingleMetric("edge_reject_total")?.get();
    return metric?.values.find(({ labels }) => labels["reason"] === reason)?.value ?? 0;
  };
  /** Every refusal so far, by reason. */
  const rejects = async (): Promise<Record<string, number>> => {
    const metric = await registry.getSingleMetric("edge_reject_total")?.get();
    const counted = (metric?.values ?? []).filter(({ value }) => value > 0);
    return Object.fromEntries(counted.map(({ labels, value }) => [String(labels["reason"]), value]));
  };
  return {
    client,
    clock,
    store,
    authority,
    tokens,
    server,
    port,
    ask,
    join,
    jwt,
    lines,
    issuedByToken,
    failing,
    rejected,
    rejects,
  };
}

function get({ port, ca }: { port: number; ca: string }, path: string, more: Ask): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { headers = {}, body, cert, key } = more;
    const length = body === undefined ? {} : { "content-length": String(body.length) };
    const credentials = cert === undefined ? {} : { cert, key };
    const call = request(
      {
        host: "127.0.0.1",
        port,
        path,
        method: "GET",
        ca,
        headers: { ...headers, ...length },
        agent: false,
        ...credentials,
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("end", () => {
          const all = Buffer.concat(parts);
          const type = response.headers["content-type"] ?? "";
          resolve({ status: response.statusCode ?? 0, body: all, text: all.toString(), type });
        });
      },
    );
    call.on("error", reject);
    call.end(body);
  });
}

export interface CsrWish {
  readonly name?: JsonName;
  readonly extensions?: Extension[];
  readonly curve?: string;
  readonly hash?: string;
  readonly rsaBits?: number;
}

/** A signing request as an edge makes it, or as it should not. */
export async function makeCsr(node: string, wish: CsrWish = {}) {
  const hash = wish.hash ?? "SHA-256";
  const algorithm =
    wish.rsaBits === undefined
      ? { name: "ECDSA", namedCurve: wish.curve ?? "P-256", hash }
      : {
          name: "RSASSA-PKCS1-v1_5",
          modulusLength: wish.rsaBits,
          publicExponent: new Uint8Array([1, 0, 1]),
          hash,
        };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const csr = await Pkcs10CertificateRequestGenerator.create({
    name: wish.name ?? subject(node),
    keys,
    signingAlgorithm: algorithm,
    ...(wish.extensions === undefined ? {} : { extensions: wish.extensions }),
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const pem = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`;
  return { der: Buffer.from(csr.rawData), key: pem };
}

/** The subject that EdgeCore puts into its request. */
export const subject = (node: string): JsonName => [
  { C: ["CN"] },
  { O: ["system:nodes"] },
  { L: ["Hangzhou"] },
  { ST: ["Zhejiang"] },
  { CN: [`system:node:${node}`] },
];
