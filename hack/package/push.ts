// SPDX-License-Identifier: Apache-2.0
import { request as plainRequest, type IncomingMessage } from "node:http";
import { request as tlsRequest } from "node:https";
import { text } from "node:stream/consumers";
import { Fault } from "../fault.ts";
import type { Blob, Image } from "./image.ts";

/** A registry to push to, with Basic credentials if any. */
export interface Target {
  /** `host:port` */
  readonly host: string;
  /** PEM of its authority; undefined: the machine's own. */
  readonly ca?: string;
  /** Speak plain HTTP. */
  readonly insecure?: boolean;
  readonly username?: string;
  readonly password?: string;
}

interface Request {
  readonly method: "POST" | "PUT";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const TIMEOUT_MS = 60_000;

/** Pushes an image (OCI distribution 1.1), each blob in one piece. @throws {Fault} PUSH_FAILED */
export async function push(target: Target, repository: string, tag: string, image: Image): Promise<void> {
  for (const blob of image.blobs) await pushBlob(target, repository, blob);
  for (const [i, { mediaType, bytes, digest }] of image.manifests.entries()) {
    const name = i === image.manifests.length - 1 ? tag : digest;
    const headers = { "content-type": mediaType };
    await ask(target, { method: "PUT", path: `/v2/${repository}/manifests/${name}`, headers }, bytes);
  }
}

async function pushBlob(target: Target, repository: string, { digest, bytes }: Blob): Promise<void> {
  const begun = await ask(target, { method: "POST", path: `/v2/${repository}/blobs/uploads/` });
  const place = new URL(begun.headers.location ?? "", originOf(target));
  place.searchParams.set("digest", digest);
  const headers = { "content-type": "application/octet-stream" };
  await ask(target, { method: "PUT", path: `${place.pathname}${place.search}`, headers }, bytes);
}

const originOf = ({ host, insecure }: Target): string => `${insecure === true ? "http" : "https"}://${host}`;

async function ask(target: Target, options: Request, body?: Buffer): Promise<IncomingMessage> {
  const answer = await send(target, options, body).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new Fault("PUSH_FAILED", `${target.host} cannot be reached: ${why}`);
  });
  const words = await text(answer);
  const { statusCode = 0 } = answer;
  if (statusCode >= 200 && statusCode < 300) return answer;
  const advice = statusCode === 401 ? "set REGISTRY_USER and REGISTRY_PASSWORD" : "";
  throw new Fault("PUSH_FAILED", `${target.host} answers ${statusCode}: ${words.slice(0, 300)}`, advice);
}

function send(target: Target, options: Request, body?: Buffer): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { username, password = "", ca } = target;
    const request = (target.insecure === true ? plainRequest : tlsRequest)(
      originOf(target),
      {
        ...options,
        agent: false,
        headers: { ...options.headers, "content-length": body?.length ?? 0 },
        timeout: TIMEOUT_MS,
        ...(username === undefined ? {} : { auth: `${username}:${password}` }),
        ...(ca === undefined ? {} : { ca }),
      },
      resolve,
    );
    request.once("timeout", () => request.destroy(new Error("it is silent")));
    request.once("error", reject);
    request.end(body);
  });
}
