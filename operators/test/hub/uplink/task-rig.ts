// SPDX-License-Identifier: Apache-2.0
import { kinds } from "@longshore/crds/kinds";
import { reportName, type NodeTaskReport } from "@longshore/crds/tasks";
import type { KubeObject } from "../../../src/runtime/client.ts";
import { createFakeClock, type FakeClock } from "../../runtime/fake-clock.ts";
import { uplinkBench } from "./bench.ts";

export const UID = "uid-j";
export const NAME = reportName(UID, "edge-1");
export const REPORTS = kinds.NodeTaskReport;
export const RESOURCE = "operations.kubeedge.io/v1alpha2/imageprepulljob/j/node/edge-1";
export const UPGRADE = "operations.kubeedge.io/v1alpha2/nodeupgradejob/j/node/edge-1";
export const OPERATION = "UpdateNodeActionStatus";
export const TIME = "2026-11-21T20:00:00Z";

/** KubeEdge's fields, of one step. */
export const step = (action: string, over: object = {}): object => ({
  ...{ action, succ: true, finishTime: TIME, reason: "", extend: "" },
  ...over,
});
/** What our agent adds: all of the task. */
export const whole = (actions: readonly string[], over: object = {}): object => ({
  ...step(actions.at(-1) ?? "Check"),
  ...{ uid: UID, attempt: 1 },
  actions: actions.map((action) => ({ action, status: "True", time: TIME })),
  ...over,
});

/** One session of `edge-1`, and a job `j` of each kind. */
export class TaskRig {
  readonly clock: FakeClock = createFakeClock();
  readonly bench: ReturnType<typeof uplinkBench>;

  constructor(negotiated: boolean) {
    this.bench = uplinkBench({ negotiated, clock: this.clock });
    for (const kind of ["ImagePrePullJob", "NodeUpgradeJob", "ConfigUpdateJob"] as const)
      this.bench.client.put(kinds[kind], { metadata: { name: "j", uid: UID } });
  }

  /** Lets calls of the fake API server end. */
  async settle(): Promise<void> {
    for (let i = 0; i < 5; i++) await this.clock.settle();
  }

  async tell(resource: string, content: unknown, operation = OPERATION): Promise<void> {
    await this.bench.ask(operation, resource, content);
    await this.settle();
  }

  /** The next write of this job and node may go. */
  async later(ms = 1_000): Promise<void> {
    this.clock.advance(ms);
    await this.settle();
  }

  stored(name = NAME): NodeTaskReport["report"] | undefined {
    return (this.bench.client.find(REPORTS, { name }) as (NodeTaskReport & KubeObject) | undefined)?.report;
  }

  writes(): string[] {
    const ofReports = this.bench.client.calls.filter(({ plural }) => plural === "nodetaskreports");
    return ofReports.map(({ verb }) => verb).filter((verb) => verb !== "get");
  }

  outcomes(outcome: string): Promise<number> {
    return this.bench.counted("longshore_task_reports_total", { outcome });
  }
}
