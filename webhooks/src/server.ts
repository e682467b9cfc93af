// SPDX-License-Identifier: Apache-2.0
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Server } from "node:tls";
import { BODY_LIMITS, BodyError, createBodyReader } from "./body.ts";
import type { Outcome } from "./metrics.ts";
import { answer, readReview, ReviewError, type ReviewRequest, type Verdict } from "./review.ts";
import type { ServingCert } from "./serving-cert.ts";

/** A rule behind a path: it accepts exactly one kind and decides. */
export interface AdmissionRule {
  readonly path: string;
  readonly group: string;
  readonly kind: string;
  decide(request: ReviewRequest): Verdict | Promise<Verdict>;
}

/** Told of every request to a rule, for metrics and the log. */
export interface Observer {
  started(path: string): void;
  ended(outcome: Outcome): void;
  /** A rule threw: a defect of ours. */
  panicked(path: string, error: unknown): void;
}

export interface ServerOptions {
  readonly rules: readonly AdmissionRule[];
  readonly tls: ServingCert;
  readonly observer: Observer;
  /** Whether connections are ended with the answer, because this process is about to stop. */
  readonly isDraining?: () => boolean;
}

/** API servers keep connections for ever: so that all replicas get their share, one ends after so many reviews. */
const MAX_REQUESTS = 10_000;
const HANDSHAKE_MS = 10_000;
/**
 * Longer than the 90 s for which an API server keeps an idle connection. It never repeats a call: were we first to end
 * the connection, a call on its way just then would be lost.
 */
const IDLE_MS = 120_000;
const LINGER_MS = 100;
/** Each holds what its client had sent by then. */
const MAX_LINGERING = 32;
const TLS = { minVersion: "TLSv1.2" } as const;
/** Connections at a time; an API server keeps a few open. */
const MAX_CONNECTIONS = 512;

type Ending = Pick<Outcome, "result" | "reason" | "warnings">;

/** The admission server. AdmissionReviews are answered with 200; what is none gets 400, 405, 413 or 415 and a sentence. */
export function createAdmissionServer(options: ServerOptions): FastifyInstance {
  const { rules, tls, observer, isDraining = () => false } = options;
  const server = Fastify({
    https: { ...tls, ...TLS, handshakeTimeout: HANDSHAKE_MS },
    bodyLimit: BODY_LIMITS.maxBytes,
    requestTimeout: 10_000,
    keepAliveTimeout: IDLE_MS,
    maxRequestsPerSocket: MAX_REQUESTS,
    forceCloseConnections: "idle",
  });
  server.server.maxConnections = MAX_CONNECTIONS;
  const readBody = createBodyReader();
  const linger = createLingering();
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("application/json", async (request: FastifyRequest, stream: IncomingMessage) =>
    readBody(stream, request.headers),
  );
  const endings = new WeakMap<FastifyRequest, Ending>();
  server.addHook("onRequest", (request, _reply, done) => {
    const { url } = request.routeOptions;
    if (url !== undefined) observer.started(url);
    done();
  });
  server.addHook("onSend", (_request, reply, _payload, done) => {
    if (isDraining()) void reply.header("connection", "close");
    done();
  });
  server.addHook("onResponse", (request, reply, done) => {
    const { url } = request.routeOptions;
    const ending = endings.get(request) ?? { result: "refused", reason: "METHOD" };
    const seconds = reply.elapsedTime / 1000;
    if (url !== undefined) observer.ended({ path: url, status: reply.statusCode, seconds, ...ending });
    done();
  });
  server.setErrorHandler((error: Refusal, request, reply) => {
    const { status, reason, message } = refusalOf(error);
    endings.set(request, { result: "refused", reason });
    if (status === 500) observer.panicked(request.routeOptions.url ?? "", error);
    // What was not read of the body must not be taken for the next request.
    if (status !== 400) {
      void reply.header("connection", "close");
      linger(reply.raw.socket);
    }
    return reply.code(status).type("text/plain").send(message);
  });
  server.setNotFoundHandler((_request, reply) => reply.code(404).type("text/plain").send("not found"));
  for (const rule of rules) {
    server.post(rule.path, async (request, reply) => {
      const review = readReview(request.body);
      const verdict = await decide(rule, review, observer);
      const warnings = verdict.warnings?.length ?? 0;
      endings.set(request, { result: verdict.allowed ? "allowed" : "denied", warnings });
      return reply.send(answer(review.uid, verdict));
    });
    server.route({ method: ["GET", "PUT", "DELETE", "PATCH"], url: rule.path, handler: refuseMethod });
  }
  return server;
}

/**
 * Has a connection end some time after its last answer. Closed at once, while the client still sends, it would be reset,
 * and the reset can overtake the answer. Nothing more is read meanwhile.
 */
function createLingering(): (socket: Socket | null) => void {
  let lingering = 0;
  return (socket) => {
    if (socket === null || lingering >= MAX_LINGERING) return;
    lingering += 1;
    socket.once("close", () => (lingering -= 1));
    socket.destroySoon = () => {
      socket.end();
      socket.pause();
      setTimeout(() => socket.destroy(), LINGER_MS).unref();
    };
  };
}

/** Serves new connections with another certificate; those that are open stay. @throws when it cannot be served */
export function changeCertificate(server: FastifyInstance, tls: ServingCert): void {
  (server.server as unknown as Server).setSecureContext({ ...tls, ...TLS });
}

function refuseMethod(_request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply.code(405).header("allow", "POST").type("text/plain").send("POST an AdmissionReview");
}

type Refusal = FastifyError | ReviewError | BodyError;

/** Nothing of the request is in an answer. */
function refusalOf(error: Refusal): { status: number; reason: string; message: string } {
  if (error instanceof ReviewError) return { status: 400, reason: error.code, message: error.message };
  if (error instanceof BodyError) return { status: error.status, reason: error.code, message: error.message };
  const { statusCode: status = 500 } = error;
  if (status === 415) return { status, reason: "CONTENT_TYPE", message: "a review is application/json" };
  if (status < 500) return { status: 400, reason: "MALFORMED", message: "the body is not JSON" };
  return { status: 500, reason: "INTERNAL", message: "internal error" };
}

/** Of what a caller may have made up. */
const MAX_NAME_CHARS = 253;

/** `Device.devices.kubeedge.io`; `Pod` of the core group. */
const nameOf = ({ group, kind }: { readonly group: string; readonly kind: string }): string =>
  (group === "" ? kind : `${kind}.${group}`).slice(0, MAX_NAME_CHARS);

async function decide(rule: AdmissionRule, request: ReviewRequest, observer: Observer): Promise<Verdict> {
  if (request.kind.group !== rule.group || request.kind.kind !== rule.kind) {
    const message = `${rule.path} judges ${nameOf(rule)}, not ${nameOf(request.kind)}`;
    return { allowed: false, code: 400, message };
  }
  try {
    return await rule.decide(request);
  } catch (error) {
    // A defect of a rule must not become a hung request; failurePolicy decides what a 500 means.
    observer.panicked(rule.path, error);
    return { allowed: false, code: 500, message: "the rule failed; see the webhook's log" };
  }
}
