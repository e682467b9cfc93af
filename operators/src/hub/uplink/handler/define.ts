// SPDX-License-Identifier: Apache-2.0
import { Operation, replyTo, type Frame, type FrameOrigin } from "@longshore/crds/wire";
import { ApiError } from "../../../runtime/errors.ts";
import { Lanes } from "./lanes.ts";
import type { UplinkHandler, UplinkSession } from "../port.ts";
import { UplinkRefusal } from "./refusal.ts";
import { failed, isPassing, refusalText } from "./replies.ts";
import type { Action, Actions, Answer, UplinkRequest, UplinkTools } from "./request.ts";

export interface DefineDeps {
  readonly tools: UplinkTools;
  readonly lanes: Lanes<UplinkRequest>;
  readonly origin: FrameOrigin;
  readonly rejects: { inc(labels: { surface: string; reason: string }): void };
  /** Objects with something in work before a handler makes its caller wait. */
  readonly maxLanes: number;
}

/** Objects that several resource types are about. */
const FAMILY: ReadonlyMap<string, string> = new Map([
  ["podstatus", "pod"],
  ["podpatch", "pod"],
  ["nodestatus", "node"],
  ["nodepatch", "node"],
  ["device/twin/edge_updated", "device"],
  ["device/state/update", "device"],
]);

/** Turns actions into a handler: finds the action, keeps the order of one object, answers failures. */
export function defineHandler(actions: Actions, deps: DefineDeps): UplinkHandler {
  const handler = new Handler(actions, deps);
  return {
    types: actions.types,
    handle: (frame, resource, session) => handler.handle({ frame, resource, session }),
  };
}

class Handler {
  readonly #operations: Actions["operations"];
  readonly #deps: DefineDeps;

  constructor(actions: Actions, deps: DefineDeps) {
    this.#operations = actions.operations;
    this.#deps = deps;
  }

  async handle(request: UplinkRequest): Promise<void> {
    const operation = request.frame.route.operation ?? "";
    const action = Object.hasOwn(this.#operations, operation) ? this.#operations[operation] : undefined;
    if (action === undefined) {
      this.#fail({ failure: "text" }, [request], new UplinkRefusal("UNSUPPORTED", "unknown operation"));
      return;
    }
    // Patches of a KubeEdge edge are differences: each counts. Our agent sends whole states.
    const isReplaceable =
      action.isMergeable === true || (action.isWholeState === true && request.session.negotiated);
    const { lanes, maxLanes } = this.#deps;
    const lane = laneOf(request);
    const run = (requests: readonly UplinkRequest[]): Promise<void> => this.#run(action, requests);
    const finished = lanes.add(lane, request, { isReplaceable, run });
    if (finished === undefined) this.#fail(action, [request], new UplinkRefusal("RATE", "too many at once"));
    else if (!isReplaceable || lanes.size > maxLanes || lanes.isCrowded(lane)) await finished;
  }

  /** Does the newest request and gives its answer to all. */
  async #run(action: Action, requests: readonly UplinkRequest[]): Promise<void> {
    const newest = requests.at(-1);
    if (newest === undefined || newest.session.signal.aborted) return;
    try {
      const answer = await action.run(newest, this.#deps.tools, requests);
      if (answer === undefined || isEnded(newest.session)) return;
      for (const request of requests) this.#answer(action, request, answer);
      await this.#after(newest, answer);
    } catch (error) {
      if (!isEnded(newest.session)) this.#fail(action, requests, error);
    }
  }

  #answer(action: Action, request: UplinkRequest, answer: Answer): void {
    const error = answer.failed?.get(request);
    if (error !== undefined) this.#fail(action, [request], error);
    else request.session.send(this.#reply(request.frame, answer, action));
  }

  /** The reply is out: a failure here is no failure of the request. */
  async #after(request: UplinkRequest, answer: Answer): Promise<void> {
    try {
      await answer.after?.();
    } catch (error) {
      this.#report(request, error);
    }
  }

  #reply(frame: Frame, { content, resourceVersion }: Answer, { reply }: Pick<Action, "reply">): Frame {
    return replyTo(
      frame,
      { ...reply, content, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
      this.#deps.origin,
    );
  }

  #fail(action: Pick<Action, "failure" | "reply">, requests: readonly UplinkRequest[], error: unknown): void {
    for (const request of requests) {
      this.#report(request, error);
      const told = this.#refusal(action, request, error);
      if (told !== undefined) request.session.send(told);
    }
  }

  #refusal(
    action: Pick<Action, "failure" | "reply">,
    { frame, session }: UplinkRequest,
    error: unknown,
  ): Frame | undefined {
    const { failure, reply } = action;
    if (failure === "status") return this.#reply(frame, { content: failed(error) }, action);
    // Our agent holds a report back while it waits for its reply: silence would cost it its whole patience.
    const isSilent = failure === "final" && isPassing(error) && !session.negotiated;
    if (failure === "none" || isSilent) return undefined;
    const { origin } = this.#deps;
    return replyTo(frame, { ...reply, operation: Operation.error, content: refusalText(error) }, origin);
  }

  #report({ frame, resource, session }: UplinkRequest, error: unknown): void {
    const { reason, isOurs } = classify(error);
    this.#deps.rejects.inc({ surface: "uplink", reason });
    const fields = { node: session.node, type: resource.type, operation: frame.route.operation, reason };
    if (isOurs) session.log.error({ ...fields, err: error }, "uplink handler failed");
    else
      session.log.warn(
        { ...fields, namespace: resource.namespace, name: resource.name },
        "uplink frame refused",
      );
  }
}

const isEnded = (session: UplinkSession): boolean => session.signal.aborted;

function laneOf({ session, resource }: UplinkRequest): string {
  const family = FAMILY.get(resource.type) ?? resource.type;
  // an old edge writes nodestatus with the namespace `default`
  const namespace = family === "node" ? "" : resource.namespace;
  return `${session.connection}|${family}/${namespace}/${resource.name}`;
}

function classify(error: unknown): { reason: string; isOurs: boolean } {
  if (error instanceof UplinkRefusal) return { reason: error.reason, isOurs: false };
  if (error instanceof ApiError)
    return { reason: error.code === 0 ? "API_UNREACHABLE" : "API_REFUSED", isOurs: false };
  return { reason: "INTERNAL", isOurs: true };
}
