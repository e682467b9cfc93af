// SPDX-License-Identifier: Apache-2.0
import { metadataDigest, objectDigest } from "@longshore/crds";
import { encodeFrame, encodeFrameWith } from "@longshore/crds/wire";
import type { HubClock } from "../clock.ts";
import { apiVersionOf, type CatalogEntry } from "./catalog.ts";
import { encodeTombstone, type Encoded } from "./encoded.ts";
import { membershipFor, type MembershipFacts } from "./membership.ts";
import { pushHead, putOperation } from "./push.ts";
import type { ObjectReader } from "./reader.ts";
import { specFor } from "./order/index.ts";
import type { Slot } from "./window.ts";

export interface FramingDeps {
  readonly catalog: ReadonlyMap<string, CatalogEntry>;
  readonly reader: Pick<ObjectReader, "remembered">;
  readonly clock: Pick<HubClock, "wallMs">;
  readonly newId: () => string;
}

export interface Push {
  readonly slot: Slot;
  /** the object, or undefined for a delete */
  readonly what: Encoded | undefined;
  readonly node: string;
  /** Our agent is on the other side. */
  readonly negotiated: boolean;
}

/** A push as it goes out. */
export interface FramedPush {
  readonly msgId: string;
  readonly digest: string;
  readonly frame: ReturnType<typeof encodeFrameWith>;
  /** Goes out right before it, and is not acknowledged. */
  readonly notice?: ReturnType<typeof encodeFrame>;
}

/** Frames what a slot holds, in the dialect of its edge. */
export function framePush(push: Push, deps: FramingDeps): FramedPush {
  const { slot, what, negotiated } = push;
  const entry = deps.catalog.get(slot.want.kind);
  const msgId = slot.msgId === "" ? deps.newId() : slot.msgId;
  const timestampMs = deps.clock.wallMs();
  const digest = digestOf(push, entry);
  const operation = operationOf(push, entry);
  const { header, route } = pushHead(slot.want, {
    ...{ msgId, timestampMs, operation, resourceVersion: slot.resourceVersion },
    source: entry?.source ?? "edgecontroller",
    ...(negotiated && what !== undefined ? { digest } : {}),
  });
  const frame = encodeFrameWith(header, route, contentOf(push, entry) ?? tombstone(push, entry, deps));
  return { msgId, digest, frame, ...noticeFor(push, { operation, newId: deps.newId, timestampMs }) };
}

/** Of a job each node gets what concerns it. */
function contentOf({ what, node }: Push, entry: CatalogEntry | undefined): Buffer | undefined {
  if (what?.job === undefined || entry?.order === undefined) return what?.content;
  const { metadata, spec } = what.job;
  const { kind } = entry.resource;
  const shown = { kind, apiVersion: apiVersionOf(entry.resource), metadata };
  return Buffer.from(JSON.stringify({ ...shown, spec: specFor(node, entry.order.kind, spec) }));
}

const operationOf = ({ slot, what }: Push, entry: CatalogEntry | undefined): string =>
  what === undefined || entry === undefined ? "delete" : putOperation(slot.want, entry);

/** Our agent knows its devices by their objects. */
function noticeFor({ slot, negotiated }: Push, facts: MembershipFacts): Pick<FramedPush, "notice"> {
  const notice = negotiated ? undefined : membershipFor(slot.want, facts);
  return notice === undefined ? {} : { notice: encodeFrame(notice) };
}

/** A version newer than the wanted one is digested here; the wanted one was, by whoever wants it. */
function digestOf({ slot: { want }, what }: Push, entry: CatalogEntry | undefined): string {
  if (what === undefined || what.job !== undefined) return want.digest;
  if (what.uid === want.uid && what.resourceVersion === want.resourceVersion) return want.digest;
  if (entry?.metadataDigest === true) return metadataDigest(what);
  return objectDigest(what.object ?? (JSON.parse(what.content.toString()) as object));
}

function tombstone(
  { slot, negotiated }: Push,
  entry: CatalogEntry | undefined,
  { reader }: Pick<FramingDeps, "reader">,
): Buffer {
  const isWhole = !negotiated && entry?.wholeDelete === true;
  const known = isWhole ? reader.remembered(slot.uid) : undefined;
  return known?.content ?? encodeTombstone({ ...slot.want, uid: slot.uid });
}
