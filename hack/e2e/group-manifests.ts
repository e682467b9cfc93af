// SPDX-License-Identifier: Apache-2.0
import type { Kubectl } from "../cluster/kubectl.ts";
import type { Condition, Meta, NodeObject } from "../cluster/objects.ts";

export const BELONGING_TO = "apps.kubeedge.io/belonging-to";

type Fields = Readonly<Record<string, unknown>>;

export interface NodeGroupObject {
  readonly metadata: Meta;
  readonly status?: {
    readonly nodeStatuses?: readonly {
      readonly nodeName: string;
      readonly readyStatus: string;
      readonly selectionStatus: string;
      readonly selectionStatusReason?: string;
    }[];
    readonly conditions?: readonly Condition[];
  };
}

export interface ApplicationObject {
  readonly metadata: Meta;
  readonly status?: {
    readonly workloadStatus?: readonly {
      readonly conditions?: string;
      readonly identifier: { readonly ordinal: number; readonly kind?: string; readonly name?: string };
      readonly message?: string;
    }[];
    readonly conditions?: readonly Condition[];
    readonly summary?: Readonly<Record<string, number>>;
    readonly targets?: readonly (Fields & { readonly name: string })[];
    readonly rollout?: {
      readonly phase?: string;
      readonly progress?: string;
      readonly batch?: number;
      readonly batchName?: string;
      readonly checks?: readonly { readonly name: string; readonly value?: string }[];
    };
  };
}

const API = "apps.kubeedge.io/v1alpha1";

/** A NodeGroup, as JSON for kubectl. */
export const nodeGroup = (name: string, spec: Fields, labels: Fields = {}): string =>
  JSON.stringify({ apiVersion: API, kind: "NodeGroup", metadata: { name, labels }, spec });

export interface ApplicationWish {
  readonly namespace: string;
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly manifests: readonly object[];
  readonly scope: Fields;
  readonly rollout?: Fields;
  readonly breakGlass?: Fields;
}

/** An EdgeApplication, as JSON for kubectl. */
export function application(wish: ApplicationWish): string {
  const { namespace, name, labels = {}, manifests, scope, rollout, breakGlass } = wish;
  return JSON.stringify({
    apiVersion: API,
    kind: "EdgeApplication",
    metadata: { namespace, name, labels },
    spec: { workloadTemplate: { manifests }, workloadScope: scope, rollout, breakGlass },
  });
}

/** The statuses of a group's nodes in one line each, by name. */
export const nodeStatusOf = ({ status }: NodeGroupObject): Record<string, string> =>
  Object.fromEntries(
    (status?.nodeStatuses ?? []).map(
      ({ nodeName, readyStatus, selectionStatus, selectionStatusReason = "" }) => [
        nodeName,
        `${readyStatus} ${selectionStatus} ${selectionStatusReason}`.trim(),
      ],
    ),
  );

/** Which group a node is in. */
export const groupOf = async (kubectl: Kubectl, node: string): Promise<string | undefined> =>
  (await kubectl.json<NodeObject>("get", "node", node)).metadata.labels?.[BELONGING_TO];
