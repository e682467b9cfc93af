// SPDX-License-Identifier: Apache-2.0
import {
  newFrame,
  replyTo,
  SESSION_GROUP,
  SESSION_RESOURCE,
  SessionOperation,
  Source,
  type Frame,
  type FrameOrigin,
  type NackCode,
} from "@longshore/crds/wire";

const OURS = { source: Source.cloudHub, group: SESSION_GROUP, resource: SESSION_RESOURCE };

/** A notice of our protocol from hub to edge. */
export const sessionNotice = (operation: string, content: unknown, origin: FrameOrigin): Frame =>
  newFrame({ ...OURS, operation, content }, origin);

/** The answer to a request of our protocol. */
export const sessionReply = (to: Frame, content: unknown, origin: FrameOrigin): Frame =>
  replyTo(to, { ...OURS, content }, origin);

/** Typed refusal on a negotiated session. It carries the parent id too, so that a waiting caller is told. */
export const nackTo = (to: Frame, refusal: { code: NackCode; message: string }, origin: FrameOrigin): Frame =>
  replyTo(
    to,
    { ...OURS, operation: SessionOperation.nack, content: { id: to.header.msg_id, ...refusal } },
    origin,
  );

/** Answer to a `config`, `ping` or `pong` message, as both halves of KubeEdge give it. */
export function controlReply(to: Frame, origin: FrameOrigin): Frame {
  const { source, group } = to.route;
  const route = { ...(source === undefined ? {} : { source }), ...(group === undefined ? {} : { group }) };
  return replyTo(to, { ...route, content: "ack" }, origin);
}
