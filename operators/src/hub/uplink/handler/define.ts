// SPDX-License-Identifier: Apache-2.0
import { Answers, type AnswerDeps } from "./answers.ts";
import { Lanes } from "./lanes.ts";
import type { UplinkHandler, UplinkSession } from "../port.ts";
import { UplinkRefusal } from "./refusal.ts";
import type { Action, Actions, Answer, UplinkRequest, UplinkTools } from "./request.ts";

export interface DefineDeps extends AnswerDeps {
  readonly tools: UplinkTools;
  readonly lanes: Lanes<UplinkRequest>;
  /** Objects with something in work before a handler makes its caller wait. */
  readonly maxLanes: number;
}

/** Objects that several resource types are about. */
const FAMILY: ReadonlyMap<string, string> = new Map([
  ["podstatus", "pod"],
  ["podpatch", "pod"],
  ["nodestatus", "node"],
  ["nodepatch", "node"],
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
  readonly #answers: Answers;

  constructor(actions: Actions, deps: DefineDeps) {
    this.#operations = actions.operations;
    this.#deps = deps;
    this.#answers = new Answers(deps);
  }

  async handle(request: UplinkRequest): Promise<void> {
    const operation = request.frame.route.operation ?? "";
    const action = Object.hasOwn(this.#operations, operation) ? this.#operations[operation] : undefined;
    if (action === undefined) {
      this.#fail({ failure: "text" }, [request], new UplinkRefusal("UNSUPPORTED", "unknown operation"));
      return;
    }
    // Patches of a KubeEdge edge are differences: each counts. Our agent sends whole states.
    const isReplaceable = action.isWholeState === true && request.session.negotiated;
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
      const answer = await action.run(newest, this.#deps.tools);
      if (answer === undefined || isEnded(newest.session)) return;
      for (const request of requests) this.#answers.done(request, answer, action);
      await this.#after(newest, answer);
    } catch (error) {
      if (!isEnded(newest.session)) this.#fail(action, requests, error);
    }
  }

  /** The reply is out: a failure here is no failure of the request. */
  async #after(request: UplinkRequest, answer: Answer): Promise<void> {
    try {
      await answer.after?.();
    } catch (error) {
      this.#answers.report(request, error);
    }
  }

  #fail(action: Pick<Action, "failure" | "reply">, requests: readonly UplinkRequest[], error: unknown): void {
    for (const request of requests) this.#answers.refused(request, error, action);
  }
}

const isEnded = (session: UplinkSession): boolean => session.signal.aborted;

function laneOf({ session, resource }: UplinkRequest): string {
  const family = FAMILY.get(resource.type) ?? resource.type;
  // an old edge writes nodestatus with the namespace `default`
  const namespace = family === "node" ? "" : resource.namespace;
  return `${session.connection}|${family}/${namespace}/${resource.name}`;
}
