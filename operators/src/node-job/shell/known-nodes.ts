// SPDX-License-Identifier: Apache-2.0
import { EDGE_NODES } from "../../placement/index.ts";
import { ApiError, TerminalError, type Client } from "../../runtime/index.ts";
import type { Nodes } from "../port.ts";
import type { StoredJob } from "./stored-job.ts";

export interface KnownNodesDeps {
  readonly client: Pick<Client, "get">;
  readonly nodes: Pick<Nodes, "get">;
}

/** Names of one job that are asked for; the others are taken for wrong. */
const MAX_ASKED = 20;

/**
 * Whether a job names a Node that there is and that the watch has not brought yet. Accepted now, it would count as
 * failed for good.
 *
 * @throws {ApiError} when the API server cannot tell
 */
export async function isNodeMissed(
  { client, nodes }: KnownNodesDeps,
  { job, status }: StoredJob,
  signal: AbortSignal,
): Promise<boolean> {
  if (status?.sequence !== undefined) return false;
  const unknown = job.nodeNames.filter((name) => nodes.get(name) === undefined);
  for (const name of unknown.slice(0, MAX_ASKED)) if (await isThere(client, name, signal)) return true;
  return false;
}

async function isThere(client: Pick<Client, "get">, name: string, signal: AbortSignal): Promise<boolean> {
  try {
    await client.get(EDGE_NODES.resource, { name }, { metadataOnly: true, signal });
    return true;
  } catch (error) {
    const isNoName = error instanceof TerminalError;
    if (isNoName || (error instanceof ApiError && !error.retryable)) return false;
    throw error;
  }
}
