// SPDX-License-Identifier: Apache-2.0
import { DEVICE_BATCH_RESOURCE } from "@longshore/crds/wire";
import { readBatch, runBatch } from "./device-batch.ts";
import type { DeviceOwners } from "./device-owners.ts";
import { readStateReport, readTwinReport } from "./device-report.ts";
import { DeviceStatuses, defaultDeviceStatusOptions, type DeviceStatusOptions } from "./device-status.ts";
import {
  DeviceWriter,
  defaultWriterOptions,
  type DeviceTarget,
  type Waiter,
  type WriterOptions,
} from "./device-writer.ts";
import {
  type Action,
  Answers,
  type AnswerDeps,
  UplinkRefusal,
  type UplinkRequest,
  type UplinkTools,
} from "./handler/index.ts";
import type { DeviceMetrics } from "../metrics.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { UplinkHandler } from "./port.ts";

const STATE = "device/state/update";
const TWIN = "device/twin/edge_updated";

export interface DeviceOptions extends DeviceStatusOptions, WriterOptions {
  /** A batch is answered after so long, whatever of it still waits: the edge then sends the newest of that. */
  readonly answerMs: number;
}

export const defaultDeviceOptions: DeviceOptions = {
  ...defaultDeviceStatusOptions,
  ...defaultWriterOptions,
  answerMs: 3_000,
};

export interface DeviceDeps extends AnswerDeps {
  readonly tools: UplinkTools;
  readonly clock: Clock;
  readonly metrics: DeviceMetrics;
  readonly options?: Partial<DeviceOptions> | undefined;
  /** Saves asking the API server where each device is. */
  readonly owners?: DeviceOwners | undefined;
}

/** The edge repeats what is not answered. */
const ACTION: Pick<Action, "failure" | "reply"> = {
  failure: "final",
  reply: { source: "devicecontroller", group: "twin", resource: "twin" },
};

/** Values and states of devices: one device a frame, as KubeEdge's edges send them, or batches of ours. */
export function createDeviceHandler(deps: DeviceDeps): UplinkHandler {
  const options = { ...defaultDeviceOptions, ...deps.options };
  const answers = new Answers(deps);
  const writer = createWriter(deps, options);
  const take = (request: UplinkRequest): void => {
    if (request.frame.route.operation !== "update")
      throw new UplinkRefusal("UNSUPPORTED", "unknown operation");
    if (request.resource.type !== DEVICE_BATCH_RESOURCE) takeOne(request, writer, answers);
    else runBatch(readBatch(request), { ...deps, request, writer, answers, answerMs: options.answerMs });
  };
  return {
    types: [TWIN, STATE, DEVICE_BATCH_RESOURCE],
    handle: (frame, resource, session) => {
      const request = { frame, resource, session };
      try {
        take(request);
      } catch (error) {
        answers.refused(request, error, ACTION);
      }
      return Promise.resolve();
    },
  };
}

/** One device: what the frame says waits for its turn, and the frame for its answer. */
function takeOne({ frame, session, resource }: UplinkRequest, writer: DeviceWriter, answers: Answers): void {
  const read = resource.type === STATE ? readStateReport : readTwinReport;
  const report = read(frame.content);
  const { namespace, name } = resource;
  const waiter = new WaitingFrame(frame.header.msg_id, read === readStateReport ? STATE : TWIN, answers);
  if (!writer.add({ session, namespace, name }, report, waiter))
    throw new UplinkRefusal("RATE", "too many reports wait");
}

/** What its answer needs of a frame: very many wait where devices report more than may be written. */
class WaitingFrame implements Waiter {
  readonly #id: string;
  readonly #type: string;
  readonly #answers: Answers;

  constructor(id: string, type: string, answers: Answers) {
    this.#id = id;
    this.#type = type;
    this.#answers = answers;
  }

  settle(error: unknown, { session, namespace, name }: DeviceTarget): void {
    if (session.signal.aborted) return;
    const asked: UplinkRequest = {
      frame: { header: { msg_id: this.#id, timestamp: 0 }, route: { operation: "update" }, content: null },
      resource: { type: this.#type, namespace, name },
      session,
    };
    if (error === undefined) this.#answers.done(asked, { content: "OK" }, ACTION);
    else this.#answers.refused(asked, error, ACTION);
  }
}

function createWriter({ clock, tools, metrics, owners }: DeviceDeps, options: DeviceOptions): DeviceWriter {
  const statuses = new DeviceStatuses(options, owners);
  return new DeviceWriter({
    clock,
    options,
    metrics,
    run: async (target, report, cost) => {
      try {
        const { isWritten, skipped } = await statuses.write({ target, tools, cost }, report);
        metrics.reports.inc({ result: isWritten ? "written" : "unchanged" });
        const left = Object.entries(skipped);
        for (const [reason, times] of left) metrics.skipped.inc({ reason }, times);
        const { namespace, name, session } = target;
        if (left.length > 0)
          session.log.info({ namespace, name, skipped }, "entries of a device report left out");
      } finally {
        metrics.writes.inc(cost.writes);
      }
    },
  });
}
