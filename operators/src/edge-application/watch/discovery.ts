// SPDX-License-Identifier: Apache-2.0
import { isNotFound, type Client, type Clock, type Resource } from "../../runtime/index.ts";
import { ChildFault, faultOf } from "../apply/fault.ts";
import { groupOf, versionOf } from "../resources.ts";

export interface DiscoveryDeps {
  readonly client: Pick<Client, "raw">;
  readonly clock: Pick<Clock, "nowMs">;
  /** How long a kind that is not served is not asked for again; default 10 s. */
  readonly unknownMs?: number;
  /** Group versions that are remembered; default 256. */
  readonly maxGroupVersions?: number;
}

/** Tells how kinds are served. */
export interface Discovery {
  /** @throws {ChildFault} UNKNOWN_KIND, REFUSED; {ApiError} without an answer */
  resourceOf(apiVersion: string, kind: string, signal: AbortSignal): Promise<Resource>;
}

interface Served {
  readonly atMs: number;
  readonly kinds: ReadonlyMap<string, Resource>;
}

const GROUP_VERSION = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?v[a-z0-9]+$/;

export function createDiscovery(deps: DiscoveryDeps): Discovery {
  const { client, clock, unknownMs = 10_000, maxGroupVersions = 256 } = deps;
  const served = new Map<string, Served>();
  const asked = new Map<string, Promise<Served>>();

  const ask = async (apiVersion: string, signal: AbortSignal): Promise<Served> => {
    const kinds = await kindsOf(client, apiVersion, signal);
    const answer = { atMs: clock.nowMs(), kinds };
    served.delete(apiVersion);
    served.set(apiVersion, answer);
    const [oldest] = served.keys();
    if (served.size > maxGroupVersions && oldest !== undefined) served.delete(oldest);
    return answer;
  };
  const askOnce = (apiVersion: string, signal: AbortSignal): Promise<Served> => {
    const pending = asked.get(apiVersion) ?? ask(apiVersion, signal).finally(() => asked.delete(apiVersion));
    asked.set(apiVersion, pending);
    return pending;
  };

  return {
    async resourceOf(apiVersion, kind, signal) {
      const unknown = new ChildFault("UNKNOWN_KIND", `${apiVersion} ${kind} is not served by this cluster`);
      if (!GROUP_VERSION.test(apiVersion)) throw unknown;
      const known = served.get(apiVersion);
      const found = known?.kinds.get(kind);
      if (found !== undefined) return found;
      if (known !== undefined && clock.nowMs() - known.atMs < unknownMs) throw unknown;
      const fresh = await askOnce(apiVersion, signal);
      const resource = fresh.kinds.get(kind);
      if (resource === undefined) throw unknown;
      return resource;
    },
  };
}

interface ResourceList {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
    readonly group?: string;
  }[];
}

async function kindsOf(
  client: Pick<Client, "raw">,
  apiVersion: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Resource>> {
  const group = groupOf(apiVersion);
  const path = group === "" ? `/api/${apiVersion}` : `/apis/${apiVersion}`;
  try {
    const { resources = [] } = JSON.parse(await client.raw(path, { signal })) as ResourceList;
    // A name with a slash is a subresource, and may be of another kind.
    const whole = resources.filter(({ name }) => !name.includes("/"));
    return new Map(
      whole.map(({ name, kind, namespaced }) => [
        kind,
        { group, version: versionOf(apiVersion), plural: name, kind, namespaced },
      ]),
    );
  } catch (error) {
    if (isNotFound(error)) return new Map();
    throw faultOf(error, { verb: "read", of: { kind: apiVersion } });
  }
}

/** `deployments.apps`, as RBAC names it */
export const resourceName = ({ plural, group }: Resource): string =>
  group === "" ? plural : `${plural}.${group}`;
