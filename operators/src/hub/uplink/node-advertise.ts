// SPDX-License-Identifier: Apache-2.0
import type { Client, KubeObject } from "../../runtime/client.ts";
import { LENIENT } from "./handler/index.ts";
import { NODES } from "./kinds.ts";
import { advertisesHub, missingAdvertisement } from "./node-endpoint.ts";
import type { NodeEndpoint } from "./port.ts";

export interface AdvertiseOptions {
  readonly endpoint: NodeEndpoint;
  readonly signal: AbortSignal;
  /** A Node that advertises another hub stays as it is: each serves all nodes. */
  readonly isAnyHubFine?: boolean;
}

/**
 * Makes a Node advertise the hub whose edge has nothing to report: an EdgeCore tells only what has changed. Writes
 * only if the Node does not do so yet.
 *
 * @param known the Node as it is; read when it is not given
 * @returns whether it was written
 * @throws {ApiError}
 */
export async function advertiseNode(
  client: Pick<Client, "get" | "patch">,
  { name, known }: { readonly name: string; readonly known?: KubeObject },
  { endpoint, signal, isAnyHubFine = false }: AdvertiseOptions,
): Promise<boolean> {
  const node = known ?? (await client.get<KubeObject>(NODES, { name }, { signal }));
  const body = missingAdvertisement(node, endpoint);
  if (body === undefined || (isAnyHubFine && advertisesHub(node))) return false;
  const options = { ...LENIENT, subresource: "status", signal } as const;
  await client.patch(NODES, { name }, { type: "strategic", body }, options);
  return true;
}
