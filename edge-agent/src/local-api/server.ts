// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Clock } from "../clock.ts";
import type { Confirmations } from "../jobs/port.ts";
import type { AgentLog } from "../log.ts";
import { isLoopback, refuseCaller, type AccessRules } from "./access.ts";

/** Where and for whom. */
export interface LocalApiOptions {
  /** `host:port`; KubeEdge's MetaServer is at 127.0.0.1:10550 */
  readonly address: string;
  /** Callers bear a token also on this machine; from elsewhere they always do. */
  readonly strict: boolean;
  /** Default 1,024. */
  readonly maxBodyBytes?: number;
  /** An address that cannot be had is tried again after so long; default 10 s. */
  readonly retryMs?: number;
}

/** What the local API needs of the agent. */
export interface LocalApiDeps {
  readonly options: LocalApiOptions;
  readonly confirmations: Confirmations;
  /** Read at each call, so that it can be changed. @returns undefined when there is none; may throw */
  readonly readToken: () => string | undefined;
  /** Something was not taken. */
  readonly onReject: (reason: string) => void;
  readonly clock: Pick<Clock, "schedule">;
  readonly log: AgentLog;
}

/** What people and tools of this machine ask of the agent, by HTTP. */
export interface LocalApi {
  /** Listens as soon as the address can be had. */
  start(): void;
  stop(): Promise<void>;
  /** Undefined while it does not listen. */
  port(): number | undefined;
}

const CONFIRM = "/api/v1/taskupgrade/confirm-upgrade";
const MAX_BODY_BYTES = 1_024;
const MAX_CONNECTIONS = 16;
const TIMEOUT_MS = 10_000;

/** KubeEdge's MetaServer as far as jobs need it: the confirmation of an upgrade, and nothing else. */
export function createLocalApi(deps: LocalApiDeps): LocalApi {
  const { options, clock, log } = deps;
  const { host, port } = splitAddress(options.address);
  const rules: AccessRules = { token: options.strict || !isLoopback(host) ? safeToken(deps) : undefined };
  let isStopped = false;
  let wasTold = false;
  let cancelRetry = (): void => undefined;
  const server = createServer(
    { requestTimeout: TIMEOUT_MS, headersTimeout: TIMEOUT_MS, maxHeaderSize: 8_192 },
    (request, response) => {
      answer(deps, rules, request).then(
        ([status, text]) => reply(response, status, text),
        (err: unknown) => {
          if (err === request.errored) {
            deps.onReject("ABORTED"); // the caller left in the middle of its call
            return;
          }
          log.error({ err }, "a call of the local API failed");
          reply(response, 500, "the agent could not store it");
        },
      );
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  const listen = (): void => {
    if (!isStopped && !server.listening) server.listen(port, host); // it may be a connection that failed
  };
  server.on("listening", () => log.info({ address: options.address }, "the local API listens"));
  server.on("error", (err) => {
    if (!wasTold) log.error({ err, address: options.address }, "the local API is not served, trying again");
    wasTold = true;
    cancelRetry = clock.schedule(options.retryMs ?? 10_000, listen);
  });
  return {
    start: listen,
    stop: () => {
      isStopped = true;
      cancelRetry();
      return close(server);
    },
    port: () => {
      const address = server.address();
      return typeof address === "object" ? address?.port : undefined;
    },
  };
}

type Answer = readonly [status: number, text: string];

async function answer(deps: LocalApiDeps, rules: AccessRules, request: IncomingMessage): Promise<Answer> {
  const refused = refuseCaller(request.headers, rules);
  if (refused !== undefined) {
    deps.onReject(refused === 401 ? "UNAUTHENTICATED" : "ORIGIN");
    return [refused, refused === 401 ? "a token is needed" : "not for web pages"];
  }
  if (request.url !== CONFIRM) return [404, "not found"];
  if (request.method !== "POST") return [405, "only POST"];
  if (!(await isShort(request, deps.options.maxBodyBytes ?? MAX_BODY_BYTES))) {
    deps.onReject("TOO_LARGE");
    return [413, "the body is too large"];
  }
  const job = await deps.confirmations.confirm();
  if (job === undefined) return [400, "there are no valid upgrade tasks to execute"]; // KubeEdge's words
  deps.log.info({ job }, "an upgrade was confirmed");
  return [200, ""];
}

/** Reads what nobody needs, up to the limit. */
async function isShort(request: IncomingMessage, maxBytes: number): Promise<boolean> {
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes) return false;
  }
  return true;
}

function reply(response: ServerResponse, status: number, text: string): void {
  const headers = { "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" };
  const more = {
    ...(status === 401 && { "WWW-Authenticate": "Bearer" }),
    ...(status === 405 && { Allow: "POST" }),
    ...(status === 413 && { Connection: "close" }),
  };
  response.writeHead(status, { ...headers, ...more }).end(text === "" ? "" : `${text}\n`);
}

/** A token that cannot be read lets nobody in. */
function safeToken({ readToken, log }: LocalApiDeps): () => string | undefined {
  return () => {
    try {
      return readToken();
    } catch (err) {
      log.warn({ err }, "the token of the local API cannot be read");
      return undefined;
    }
  };
}

/** @param address `host:port`, an IPv6 host in brackets */
function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) };
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => {
    server.close(() => resolve()); // also when it never listened
  });
}
