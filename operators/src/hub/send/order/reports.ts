// SPDX-License-Identifier: Apache-2.0
import { kinds } from "@longshore/crds/kinds";
import { reportName, type NodeTaskReport } from "@longshore/crds/tasks";
import type { Client, KubeObject } from "../../../runtime/client.ts";
import { isNotFound } from "../../../runtime/errors.ts";
import type { Limiter } from "../../limiter.ts";
import type { OrderKind } from "./job.ts";

/** One order that may have gone out before, to an edge that keeps nothing. */
export interface Standing {
  readonly order: OrderKind;
  readonly jobUid: string;
  readonly node: string;
  readonly attempt: number;
  /** What is to be ordered in v1alpha1. */
  readonly state: string;
}

/** Knows which orders a node has answered, whatever delivery remembers of it. */
export interface OrderReports {
  /** @throws {ApiError} when nobody can tell */
  isAnswered(standing: Standing): Promise<boolean>;
}

export function createOrderReports(client: Pick<Client, "get">, limiter: Limiter): OrderReports {
  return {
    isAnswered: async (standing) => {
      const report = await limiter.run(() => read(client, standing));
      return report !== undefined && answers(report, standing);
    },
  };
}

async function read(client: Pick<Client, "get">, { jobUid, node }: Standing) {
  try {
    const name = reportName(jobUid, node);
    return (await client.get<NodeTaskReport & KubeObject>(kinds.NodeTaskReport, { name })).report;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** A plain edge answers the first step at once; one of v1alpha1 answers each state. */
function answers(report: NodeTaskReport["report"], { order, attempt, state }: Standing): boolean {
  if (report.attempt !== attempt) return report.attempt > attempt;
  if (order.dialect === "v1alpha2") return (report.actions?.length ?? 0) > 0;
  return ANSWERS[state]?.includes(report.event ?? "") ?? false;
}

/** Events that an edge of v1alpha1 answers each state with. */
const ANSWERS: Readonly<Partial<Record<string, readonly string[]>>> = {
  "": ["Init", "Confirm", "Upgrading"],
  Init: ["Init", "Confirm", "Upgrading"],
  Checking: ["Check"],
  BackingUp: ["Backup"],
  Upgrading: ["Upgrade", "Rollback"],
  RollingBack: ["Rollback"],
  Pulling: ["Pull"],
};
