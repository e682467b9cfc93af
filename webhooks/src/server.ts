// SPDX-License-Identifier: Apache-2.0
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { answer, readReview, ReviewError, type ReviewRequest, type Verdict } from "./review.ts";

/** A rule behind a path: it accepts exactly one kind and decides. */
export interface AdmissionRule {
  readonly path: string;
  readonly group: string;
  readonly kind: string;
  decide(request: ReviewRequest): Verdict;
}

export interface ServerOptions {
  readonly rules: readonly AdmissionRule[];
  readonly tls: { readonly cert: string; readonly key: string };
  /** Called once for each verdict or refusal, for metrics and the log. */
  readonly onOutcome: (outcome: {
    path: string;
    result: "allowed" | "denied" | "refused";
    reason?: string;
  }) => void;
}

/** The API server never sends more than 3 MiB of object twice; controller-runtime's cap. */
const MAX_BODY_BYTES = 7 * 1024 * 1024;

/** The admission server. AdmissionReviews are answered with 200; what is none gets 400, 405, 413 or 415. */
export function createAdmissionServer(options: ServerOptions): FastifyInstance {
  const server = Fastify({
    https: { ...options.tls, minVersion: "TLSv1.3" },
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: 10_000,
    forceCloseConnections: true,
  });
  server.get("/healthz", () => "ok");
  for (const rule of options.rules) {
    server.post(rule.path, (request, reply) => review(rule, request, reply, options.onOutcome));
    server.route({
      method: ["GET", "PUT", "DELETE", "PATCH"],
      url: rule.path,
      handler: (_request, reply) => reply.code(405).header("allow", "POST").send("POST an AdmissionReview"),
    });
  }
  return server;
}

function review(
  rule: AdmissionRule,
  http: FastifyRequest,
  reply: FastifyReply,
  onOutcome: ServerOptions["onOutcome"],
): FastifyReply {
  try {
    const request = readReview(http.body);
    const verdict = decide(rule, request);
    onOutcome({ path: rule.path, result: verdict.allowed ? "allowed" : "denied" });
    return reply.send(answer(request.uid, verdict));
  } catch (error) {
    if (!(error instanceof ReviewError)) throw error;
    onOutcome({ path: rule.path, result: "refused", reason: error.code });
    return reply.code(400).send(error.message);
  }
}

function decide(rule: AdmissionRule, request: ReviewRequest): Verdict {
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
  } catch {
    // A defect of a rule must not become a hung request; failurePolicy decides what a 500 means.
    return { allowed: false, code: 500, message: "the rule failed; see the webhook's log" };
  }
}
