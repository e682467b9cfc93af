// SPDX-License-Identifier: Apache-2.0
import type { FrameHeader, FrameRoute } from "@longshore/crds/wire";
import type { Want } from "../../delivery/mailbox.ts";
import type { CatalogEntry } from "./catalog.ts";

/** Head of a push: everything of the frame but its content. */
export interface PushHead {
  readonly header: FrameHeader;
  readonly route: FrameRoute;
}

export interface PushFacts {
  readonly msgId: string;
  readonly timestampMs: number;
  readonly source: string;
  readonly operation: string;
  readonly resourceVersion: string;
  /** Only towards an edge that negotiated. */
  readonly digest?: string;
}

/**
 * The frame head of a downstream object, by KubeEdge's route for what its controllers send. No parent id: EdgeHub
 * would hand the frame to a waiting caller instead of MetaManager.
 */
export function pushHead(want: Pick<Want, "kind" | "namespace" | "name">, facts: PushFacts): PushHead {
  return {
    header: {
      msg_id: facts.msgId,
      timestamp: facts.timestampMs,
      ...(facts.resourceVersion === "" ? {} : { resourceversion: facts.resourceVersion }),
      ...(facts.digest === undefined ? {} : { digest: facts.digest }),
    },
    route: {
      source: facts.source,
      group: "resource",
      operation: facts.operation,
      resource: resourceOf(want),
    },
  };
}

/** `insert` for what the edge does not hold, `update` for the rest; CloudCore never inserts a Secret or a Node. */
export function putOperation(want: Pick<Want, "fresh">, entry: Pick<CatalogEntry, "alwaysUpdate">): string {
  return want.fresh && !entry.alwaysUpdate ? "insert" : "update";
}

/** `<namespace|null>/<type>/<name>`, as an edge sees it. */
export const resourceOf = (want: Pick<Want, "kind" | "namespace" | "name">): string =>
  `${want.namespace === "" ? "null" : want.namespace}/${want.kind}/${want.name}`;
