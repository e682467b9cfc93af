// SPDX-License-Identifier: Apache-2.0
import {
  OLD_ORDER_KIND,
  parseTaskResource,
  REPORT_OPERATION,
  type JobKind,
  type TaskAddress,
} from "@longshore/crds/tasks";
import type { Clock } from "../../runtime/clock.ts";
import type { TaskReportMetrics } from "../metrics.ts";
import {
  type Action,
  Answers,
  type AnswerDeps,
  bad,
  forbidden,
  UplinkRefusal,
  type UplinkRequest,
  type UplinkTools,
} from "./handler/index.ts";
import type { UplinkHandler } from "./port.ts";
import { defaultJobsOptions, Jobs, type JobsOptions } from "./task/jobs.ts";
import { ReportStore } from "./task/store.ts";
import { readOldTold, readTold, type Told } from "./task/told.ts";
import { defaultWriterOptions, ReportWriter, type Waiter, type WriterOptions } from "./task/writer.ts";

export interface TaskReportOptions extends WriterOptions, JobsOptions {}

export interface TaskReportDeps extends AnswerDeps {
  readonly tools: UplinkTools;
  readonly clock: Clock;
  readonly metrics: TaskReportMetrics;
  readonly random?: () => number;
  readonly options?: Partial<TaskReportOptions> | undefined;
}

const TYPE = "operations.kubeedge.io";
/** Resource type of reports in v1alpha1. */
const OLD_TYPE = "task";

/** What nodes tell of their tasks, of our agents and of EdgeCores in both dialects. */
export function createTaskReportHandler(deps: TaskReportDeps): UplinkHandler {
  const answers = new Answers(deps);
  const writer = createWriter(deps);
  const take = (request: UplinkRequest): void => {
    const { session, frame } = request;
    const address = addressOf(request);
    const now = new Date(deps.clock.wallMs()).toISOString();
    const told =
      address.dialect === "v1alpha2"
        ? readTold(address.kind, frame.content, now)
        : readOldTold(session.node, frame.content, now);
    if (told.cuts > 0) noteCuts(told, request, deps.metrics);
    const waiter = new WaitingFrame(request, answers);
    writer.add({ address, session }, told, waiter);
  };
  return {
    types: [TYPE, OLD_TYPE],
    handle: (frame, resource, session) => {
      const request = { frame, resource, session };
      try {
        take(request);
      } catch (error) {
        deps.metrics.reports.inc({ kind: "unknown", outcome: "refused" });
        answers.refused(request, error, actionFor(request));
      }
      return Promise.resolve();
    },
  };
}

/** Only our agents wait for an answer. */
const actionFor = ({ session }: Pick<UplinkRequest, "session">): Pick<Action, "failure"> => ({
  failure: session.negotiated ? "final" : "none",
});

/** @throws {UplinkRefusal} BAD, UNSUPPORTED, FORBIDDEN */
function addressOf({ frame, resource, session }: UplinkRequest): TaskAddress {
  const { operation = "" } = frame.route;
  const address =
    resource.type === TYPE
      ? parseTaskResource(`${TYPE}/${resource.name}`)
      : oldAddressOf(resource.name, operation);
  if (address === undefined) throw bad("the resource names no task");
  if (resource.type === TYPE && operation !== REPORT_OPERATION)
    throw new UplinkRefusal("UNSUPPORTED", "unknown operation");
  if (address.node !== session.node) throw forbidden("another node's task");
  return address;
}

/** `task/<job>/node/<node>` with the job's type as its operation. */
function oldAddressOf(name: string, operation: string): TaskAddress | undefined {
  const types = Object.entries(OLD_ORDER_KIND) as readonly (readonly [JobKind, string])[];
  return types.some(([, type]) => type === operation) ? parseTaskResource(`${operation}/${name}`) : undefined;
}

function noteCuts({ cuts }: Told, { session, resource }: UplinkRequest, metrics: TaskReportMetrics): void {
  metrics.cuts.inc(cuts);
  session.log.info({ node: session.node, task: resource.name, cuts }, "parts of a task's report left out");
}

/** What its answer needs of a frame; a plain EdgeCore is told nothing, and what is refused is counted. */
class WaitingFrame implements Waiter {
  readonly #request: UplinkRequest;
  readonly #answers: Answers;

  constructor({ frame: { header, route }, resource, session }: UplinkRequest, answers: Answers) {
    this.#request = { frame: { header, route, content: null }, resource, session };
    this.#answers = answers;
  }

  settle(error: unknown): void {
    const { negotiated, signal } = this.#request.session;
    if (negotiated && signal.aborted) return;
    if (error !== undefined) this.#answers.refused(this.#request, error, actionFor(this.#request));
    else if (negotiated) this.#answers.done(this.#request, { content: "OK" }, {});
  }
}

function createWriter({
  tools,
  clock,
  metrics,
  random = Math.random,
  options,
}: TaskReportDeps): ReportWriter {
  const all = { ...defaultWriterOptions, ...defaultJobsOptions, ...options };
  return new ReportWriter({
    jobs: new Jobs(tools.client, clock, all),
    store: new ReportStore(tools.client, all.maxLines),
    ...{ clock, random, options: all },
    count: ({ kind }, outcome, times) => metrics.reports.inc({ kind, outcome }, times),
  });
}
