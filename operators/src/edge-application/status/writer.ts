// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplication, EdgeApplicationStatus } from "@longshore/crds/apps";
import type { Client, Clock, KubeObject } from "../../runtime/index.ts";
import { isOlder } from "../apply/child.ts";
import type { Memory } from "../memory.ts";
import { EDGE_APPLICATIONS, FIELD_MANAGER } from "../resources.ts";
import { isSameStatus } from "./status.ts";

export interface StatusWriterDeps {
  readonly client: Pick<Client, "apply">;
  readonly clock: Pick<Clock, "nowMs">;
  /** Least time between two writes for one application. */
  readonly everyMs: number;
}

/** The status as we know it: of the cache, or of our last write if that is newer. */
export function newestStatus(
  { metadata, status }: EdgeApplication,
  memory: Memory,
): EdgeApplicationStatus | undefined {
  const last = memory.status;
  return last !== undefined && isOlder(metadata.resourceVersion, last.resourceVersion) ? last.status : status;
}

export interface StatusWrite {
  readonly app: EdgeApplication;
  readonly memory: Memory;
  readonly status: EdgeApplicationStatus;
  /** Something depends on its being stored. */
  readonly isUrgent: boolean;
  readonly signal: AbortSignal;
}

/** A large status is written less often: so that no application keeps the store busy with itself. */
const ENTRIES_EACH_TIME = 500;
const shareOf = ({ workloadStatus = [] }: EdgeApplicationStatus): number =>
  Math.max(1, workloadStatus.length / ENTRIES_EACH_TIME);

/** @returns how long it has to wait, 0 when it is written or needs no write */
export async function writeStatus(deps: StatusWriterDeps, o: StatusWrite): Promise<number> {
  const { app, memory, status, signal } = o;
  if (isSameStatus(newestStatus(app, memory), status)) return 0;
  const waitMs =
    memory.status === undefined
      ? 0
      : memory.status.atMs + deps.everyMs * shareOf(memory.status.status) - deps.clock.nowMs();
  if (waitMs > 0 && !o.isUrgent) return waitMs;
  const { name, namespace = "", uid } = app.metadata;
  const written = await deps.client.apply<KubeObject & { readonly status?: EdgeApplicationStatus }>(
    EDGE_APPLICATIONS,
    { metadata: { name, namespace, uid }, status },
    { fieldManager: FIELD_MANAGER, subresource: "status", signal },
  );
  memory.status = {
    resourceVersion: written.metadata.resourceVersion,
    status: written.status ?? status,
    atMs: deps.clock.nowMs(),
  };
  return 0;
}
