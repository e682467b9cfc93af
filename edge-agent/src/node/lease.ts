// SPDX-License-Identifier: Apache-2.0
import type { Clock } from "../clock.ts";
import type { AgentLog } from "../log.ts";
import type { Uplink } from "../tunnel/port.ts";
import { readObjectReply } from "./reply.ts";

/** What renewing a Lease needs of the agent. */
export interface LeaseDeps {
  readonly node: string;
  readonly nodeUid: () => string | undefined;
  readonly durationSeconds: number;
  readonly uplink: Uplink;
  readonly clock: Clock;
  readonly log: AgentLog;
}

/** A quarter of the lease's life, as the kubelet renews. */
const RENEWALS_A_LIFE = 4;

/** Renews the node's Lease by messages, as a CloudCore needs it. Returns the stopper. */
export function startLease(deps: LeaseDeps): () => void {
  const resource = `kube-node-lease/lease/${deps.node}`;
  const intervalMs = (deps.durationSeconds * 1000) / RENEWALS_A_LIFE;
  let held: Record<string, unknown> | undefined;
  let stopped = false;
  let cancel: (() => void) | undefined;

  const ask = async (operation: string, content: unknown): Promise<number | undefined> => {
    const frame = await deps.uplink.request({ operation, resource, content }, { timeoutMs: intervalMs });
    const reply = readObjectReply(frame);
    held = reply.object;
    return reply.errorCode;
  };
  const renew = async (): Promise<void> => {
    if (held === undefined && (await ask("query", null)) === 404) {
      await ask("insert", newLease(deps));
      return;
    }
    if (held === undefined) return; // another refusal: ask again at the next turn
    await ask("update", { ...held, spec: spec(deps) });
  };
  const turn = (): void => {
    renew()
      .catch((err: unknown) => {
        held = undefined;
        deps.log.warn({ err }, "lease could not be renewed");
      })
      .finally(() => {
        if (!stopped) cancel = deps.clock.schedule(intervalMs, turn);
      });
  };
  turn();
  return () => {
    stopped = true;
    cancel?.();
  };
}

function spec({ node, durationSeconds, clock }: LeaseDeps): Record<string, unknown> {
  const renewTime = `${new Date(clock.nowMs()).toISOString().slice(0, -1)}000Z`; // MicroTime
  return { holderIdentity: node, leaseDurationSeconds: durationSeconds, renewTime };
}

function newLease(deps: LeaseDeps): Record<string, unknown> {
  const uid = deps.nodeUid();
  const owner = { apiVersion: "v1", kind: "Node", name: deps.node, uid };
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: {
      name: deps.node,
      namespace: "kube-node-lease",
      ...(uid === undefined ? {} : { ownerReferences: [owner] }),
    },
    spec: spec(deps),
  };
}
