// SPDX-License-Identifier: Apache-2.0
import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { SinkError, type Endpoint } from "../port.ts";

export interface PostRequest {
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** Posts to one server over one connection that stays open. */
export interface Poster {
  /**
   * The status of the answer; its body is read away and its redirects are not followed, for they would carry the
   * credentials elsewhere.
   *
   * @throws {SinkError} UNREACHABLE or TIMEOUT
   */
  post(request: PostRequest): Promise<number>;
  close(): void;
}

/** An answer says nothing that is wanted: past this its connection is cut. */
const MAX_ANSWER_BYTES = 64 * 1024;

export function createPoster({ isTls, host, port }: Endpoint): Poster {
  const options = { keepAlive: true, maxSockets: 1, maxFreeSockets: 1 };
  const agent = isTls ? new HttpsAgent(options) : new HttpAgent(options);

  function start({ path, headers, body, signal }: PostRequest): ClientRequest {
    const length = { "content-length": String(Buffer.byteLength(body)) };
    const wanted = { host, port, path, agent, signal, method: "POST", headers: { ...headers, ...length } };
    return isTls ? httpsRequest(wanted) : httpRequest(wanted);
  }

  function attempt(request: PostRequest): Promise<number | "stale"> {
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
      const status = first === "stale" ? await attempt(request) : first;
      if (status === "stale") throw new SinkError("UNREACHABLE", "the connection was closed");
      return status;
    },
    close: () => agent.destroy(),
  };
}

/** Whether the server had closed a connection that lay idle, as it may: that is no outage. */
const isStale = (outgoing: ClientRequest, error: Error): boolean =>
  outgoing.reusedSocket && "code" in error && (error.code === "ECONNRESET" || error.code === "EPIPE");

function drain(
  answer: IncomingMessage,
  done: (status: number) => void,
  failed: (error: Error) => void,
): void {
  let bytes = 0;
  const status = answer.statusCode ?? 0;
  answer.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= MAX_ANSWER_BYTES) return;
    done(status);
    answer.destroy();
  });
  answer.on("end", () => done(status));
  answer.on("error", failed);
}

function failure(error: Error, { signal }: PostRequest): SinkError {
  return signal.aborted
    ? new SinkError("TIMEOUT", "no answer in time", { cause: error })
    : new SinkError("UNREACHABLE", codeOf(error), { cause: error });
}

const codeOf = (error: Error): string =>
  "code" in error && typeof error.code === "string" ? error.code : "the connection failed";

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
