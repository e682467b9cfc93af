// SPDX-License-Identifier: Apache-2.0
import type { ClientRequest, IncomingMessage } from "node:http";
import { SinkError, type Endpoint, type Secrets, type TargetKind } from "../port.ts";
import { asUnreachable } from "./failure.ts";
import { readTls, type TlsFiles } from "./tls.ts";

export interface PostRequest {
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  /** At most 64 KiB of it. */
  readonly body: Buffer;
}

/** Posts to one server over one connection that stays open. */
export interface Poster {
  /**
   * Redirects are not followed, for they would carry the credentials elsewhere.
   *
   * @throws {SinkError} UNREACHABLE or TIMEOUT
   */
  post(request: PostRequest): Promise<Answer>;
  close(): void;
}

/** What is wanted of an answer is short: past this its connection is cut. */
const MAX_ANSWER_BYTES = 64 * 1024;

export function createPoster({ isTls, host, port }: Endpoint, tls?: TlsFiles): Poster {
  const options = { keepAlive: true, maxSockets: 1, maxFreeSockets: 1 };
  // Importing them by name costs 4 MB, for it makes all that they export, a WebSocket client too.
  const http = process.getBuiltinModule("node:http");
  const https = process.getBuiltinModule("node:https");
  const agent = isTls ? new https.Agent({ ...options, ...tls }) : new http.Agent(options);

  function start({ path, headers, body, signal }: PostRequest): ClientRequest {
    const length = { "content-length": String(Buffer.byteLength(body)) };
    const wanted = { host, port, path, agent, signal, method: "POST", headers: { ...headers, ...length } };
    return isTls ? https.request(wanted) : http.request(wanted);
  }

  function attempt(request: PostRequest): Promise<Answer | "stale"> {
    return new Promise((resolve, reject) => {
      const outgoing = start(request);
      outgoing.on("response", (answer) => drain(answer, resolve, (error) => reject(failure(error, request))));
      outgoing.on("error", (error) => {
        if (isStale(outgoing, error) && !request.signal.aborted) resolve("stale");
        else reject(failure(error, request));
      });
      outgoing.end(request.body);
    });
  }

  return {
    post: async (request) => {
      const first = await attempt(request);
      const answer = first === "stale" ? await attempt(request) : first;
      if (answer === "stale") throw new SinkError("UNREACHABLE", "the connection was closed");
      return answer;
    },
    close: () => agent.destroy(),
  };
}

/** A poster with what each request tells of the sender. */
export interface PostSession {
  post(request: Omit<PostRequest, "headers">): Promise<Answer>;
  close(): void;
}

export interface PostSessionDeps {
  readonly kind: TargetKind;
  readonly endpoint: Endpoint;
  readonly secrets: Secrets;
  readonly contentType: string;
  /** The value of the Authorization header, made of the server's secrets; undefined: none is sent. */
  readonly authorize: (read: (name: string) => Promise<string | undefined>) => Promise<string | undefined>;
}

/** Reads its secrets at its first post. */
export function createPostSession(deps: PostSessionDeps): PostSession {
  const { kind, endpoint, secrets } = deps;
  let opened: { readonly poster: Poster; readonly headers: Record<string, string> } | undefined;

  async function open(): Promise<NonNullable<typeof opened>> {
    const authorization = await deps.authorize((name) => secrets.read(kind, endpoint, name));
    const credentials = authorization === undefined ? {} : { authorization };
    const poster = createPoster(endpoint, await readTls(secrets, kind, endpoint));
    return { poster, headers: { "content-type": deps.contentType, ...credentials } };
  }

  return {
    post: async (request) => {
      const { poster, headers } = (opened ??= await open());
      return poster.post({ ...request, headers });
    },
    close: () => opened?.poster.close(),
  };
}

/** `Basic` with a user's name and password. */
export const basic = (username: string, password: string): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;

/** Whether the server had closed a connection that lay idle, as it may: that is no outage. */
const isStale = (outgoing: ClientRequest, error: Error): boolean =>
  outgoing.reusedSocket && "code" in error && (error.code === "ECONNRESET" || error.code === "EPIPE");

function drain(
  answer: IncomingMessage,
  done: (answer: Answer) => void,
  failed: (error: Error) => void,
): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const end = (): void => done({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks) });
  answer.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= MAX_ANSWER_BYTES) {
      chunks.push(chunk);
      return;
    }
    end();
    answer.destroy();
  });
  answer.on("end", end);
  answer.on("error", failed);
}

const failure = (error: Error, { signal }: PostRequest): SinkError =>
  signal.aborted ? new SinkError("TIMEOUT", "no answer in time", { cause: error }) : asUnreachable(error);

/** Statuses beside 5xx that another attempt may change. */
const LATER = [408, 425, 429];

/** @throws {SinkError} what a status other than 2xx means */
export function checkStatus(status: number): void {
  if (status >= 200 && status < 300) return;
  const message = `the server answered ${status}`;
  if (status === 401 || status === 403) throw new SinkError("UNAUTHORIZED", message);
  const isLater = status >= 500 || LATER.includes(status);
  throw new SinkError(isLater ? "UNAVAILABLE" : "REFUSED", message);
}
