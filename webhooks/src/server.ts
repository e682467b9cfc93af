// SPDX-License-Identifier: Apache-2.0
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import type { Outcome } from "./metrics.ts";
import { answer, readReview, ReviewError, type ReviewRequest, type Verdict } from "./review.ts";
import type { ServingCert } from "./serving-cert.ts";

/** A rule behind a path: it accepts exactly one kind and decides. */
export interface AdmissionRule {
  readonly path: string;
  readonly group: string;
  readonly kind: string;
  decide(request: ReviewRequest): Verdict;
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
}

/** The API server never sends more than 3 MiB of object twice; controller-runtime's cap. */
const MAX_BODY_BYTES = 7 * 1024 * 1024;

type Ending = Pick<Outcome, "result" | "reason">;

/** The admission server. AdmissionReviews are answered with 200; what is none gets 400, 405, 413 or 415 and a sentence. */
export function createAdmissionServer({ rules, tls, observer }: ServerOptions): FastifyInstance {
  const server = Fastify({
    https: { ...tls, minVersion: "TLSv1.3" },
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: 10_000,
    forceCloseConnections: true,
  });
  const endings = new WeakMap<FastifyRequest, Ending>();
  server.addHook("onRequest", (request, _reply, done) => {
    const { url } = request.routeOptions;
    if (url !== undefined) observer.started(url);
    done();
  });
  server.addHook("onResponse", (request, reply, done) => {
    const { url } = request.routeOptions;
    const ending = endings.get(request) ?? { result: "refused", reason: "METHOD" };
    const seconds = reply.elapsedTime / 1000;
    if (url !== undefined) observer.ended({ path: url, status: reply.statusCode, seconds, ...ending });
    done();
  });
  server.setErrorHandler((error: FastifyError | ReviewError, request, reply) => {
    const { status, reason, message } = refusalOf(error);
    endings.set(request, { result: "refused", reason });
    if (status >= 500) observer.panicked(request.routeOptions.url ?? "", error);
    return reply.code(status).type("text/plain").send(message);
  });
  server.setNotFoundHandler((_request, reply) => reply.code(404).type("text/plain").send("not found"));
  for (const rule of rules) {
    server.post(rule.path, (request, reply) => {
      const review = readReview(request.body);
      const verdict = decide(rule, review, observer);
      endings.set(request, { result: verdict.allowed ? "allowed" : "denied" });
      return reply.send(answer(review.uid, verdict));
    });
    server.route({ method: ["GET", "PUT", "DELETE", "PATCH"], url: rule.path, handler: refuseMethod });
  }
  return server;
}

function refuseMethod(_request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply.code(405).header("allow", "POST").type("text/plain").send("POST an AdmissionReview");
}

/** Nothing of the request is in an answer. */
function refusalOf(error: FastifyError | ReviewError): { status: number; reason: string; message: string } {
  if (error instanceof ReviewError) return { status: 400, reason: error.code, message: error.message };
  const { statusCode: status = 500 } = error;
  if (status === 413)
    return { status, reason: "BODY_SIZE", message: `a review has at most ${MAX_BODY_BYTES} bytes` };
  if (status === 415) return { status, reason: "CONTENT_TYPE", message: "a review is application/json" };
  if (status < 500) return { status: 400, reason: "MALFORMED", message: "the body is not JSON" };
  return { status: 500, reason: "INTERNAL", message: "internal error" };
}

function decide(rule: AdmissionRule, request: ReviewRequest, observer: Observer): Verdict {
  if (request.kind.group !== rule.group || request.kind.kind !== rule.kind) {
    const got = `${request.kind.kind}.${request.kind.group}`;
    return {
      allowed: false,
      code: 400,
      message: `${rule.path} judges ${rule.kind}.${rule.group}, not ${got}`,
    };
  }
  try {
    return rule.decide(request);
  } catch (error) {
    // A defect of a rule must not become a hung request; failurePolicy decides what a 500 means.
    observer.panicked(rule.path, error);
    return { allowed: false, code: 500, message: "the rule failed; see the webhook's log" };
  }
}
