// SPDX-License-Identifier: Apache-2.0
import { Operation, replyTo, type FrameOrigin } from "@longshore/crds/wire";
import { ApiError } from "../../../runtime/errors.ts";
import { UplinkRefusal } from "./refusal.ts";
import { failed, isPassing, refusalText } from "./replies.ts";
import type { Action, Answer, UplinkRequest } from "./request.ts";

export interface AnswerDeps {
  readonly origin: FrameOrigin;
  readonly rejects: { inc(labels: { surface: string; reason: string }): void };
}

/** Answers requests of edges, and tells, counts and logs what is refused. */
export class Answers {
  readonly #deps: AnswerDeps;

  constructor(deps: AnswerDeps) {
    this.#deps = deps;
  }

  done(
    { frame, session }: UplinkRequest,
    { content, resourceVersion }: Pick<Answer, "content" | "resourceVersion">,
    { reply }: Pick<Action, "reply">,
  ): void {
    const version = resourceVersion === undefined ? {} : { resourceVersion };
    session.send(replyTo(frame, { ...reply, content, ...version }, this.#deps.origin));
  }

  refused(request: UplinkRequest, error: unknown, action: Pick<Action, "failure" | "reply">): void {
    this.report(request, error);
    const { frame, session } = request;
    const { failure, reply } = action;
    if (failure === "status") {
      this.done(request, { content: failed(error) }, action);
      return;
    }
    // Our agent holds a report back while it waits for its reply: silence would cost it its whole patience.
    const isSilent = failure === "final" && isPassing(error) && !session.negotiated;
    if (failure === "none" || isSilent) return;
    const told = { ...reply, operation: Operation.error, content: refusalText(error) };
    session.send(replyTo(frame, told, this.#deps.origin));
  }

  /** Counts and logs a failure that its sender is told of otherwise, or not. @param isLogged the like was logged */
  report({ frame, resource, session }: UplinkRequest, error: unknown, isLogged = false): void {
    const { reason, isOurs } = reasonOf(error);
    this.#deps.rejects.inc({ surface: "uplink", reason });
    if (isLogged) return;
    const fields = { node: session.node, type: resource.type, operation: frame.route.operation, reason };
    if (isOurs) session.log.error({ ...fields, err: error }, "uplink handler failed");
    else
      session.log.warn(
        { ...fields, namespace: resource.namespace, name: resource.name },
        "uplink frame refused",
      );
  }
}

function reasonOf(error: unknown): { reason: string; isOurs: boolean } {
  if (error instanceof UplinkRefusal) return { reason: error.reason, isOurs: false };
  if (error instanceof ApiError)
    return { reason: error.code === 0 ? "API_UNREACHABLE" : "API_REFUSED", isOurs: false };
  return { reason: "INTERNAL", isOurs: true };
}
