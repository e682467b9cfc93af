// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import type { Frame, FrameHeader, FrameRoute } from "./frame.ts";
import { Group, Operation, Source } from "./names.ts";

/** Where ids and times come from; both are replaced in tests. */
export interface FrameOrigin {
  /** default: a random UUID */
  readonly newId?: () => string;
  /** Milliseconds since the epoch; default: Date.now */
  readonly now?: () => number;
}

export interface NewFrame {
  readonly source: string;
  readonly group: string;
  readonly operation: string;
  readonly resource: string;
  readonly content: unknown;
  readonly resourceVersion?: string;
  readonly digest?: string;
}

export interface Reply {
  /** default `edgecontroller` */
  readonly source?: string;
  /** default `resource` */
  readonly group?: string;
  /** default `response` */
  readonly operation?: string;
  /** default: the request's */
  readonly resource?: string;
  readonly content: unknown;
  readonly resourceVersion?: string;
}

/** Writes a frame as one JSON document. */
export function encodeFrame(frame: Frame): string {
  return JSON.stringify({ header: frame.header, route: frame.route, content: frame.content ?? null });
}

/** Puts a header and a route around content that is JSON already, so that content is encoded once for all nodes. */
export function encodeFrameWith(header: FrameHeader, route: FrameRoute, contentJson: Buffer): Buffer {
  const head = Buffer.from(`{"header":${JSON.stringify(header)},"route":${JSON.stringify(route)},"content":`);
  return Buffer.concat([head, contentJson, CLOSE]);
}

const CLOSE = Buffer.from("}");

/** A message that answers nothing: a push, a request or a report. It must carry no parent id (see the edge's routing). */
export function newFrame(frame: NewFrame, origin: FrameOrigin = {}): Frame {
  const { source, group, operation, resource, content } = frame;
  return {
    header: {
      ...identity(origin),
      ...(frame.resourceVersion === undefined ? {} : { resourceversion: frame.resourceVersion }),
      ...(frame.digest === undefined ? {} : { digest: frame.digest }),
    },
    route: { source, group, operation, resource },
    content,
  };
}

/** The answer to a request: a new id, the request's id as parent. */
export function replyTo(request: Frame, reply: Reply, origin: FrameOrigin = {}): Frame {
  const { msg_id, timestamp } = identity(origin);
  return {
    header: {
      msg_id,
      parent_msg_id: request.header.msg_id,
      timestamp,
      ...(reply.resourceVersion === undefined ? {} : { resourceversion: reply.resourceVersion }),
    },
    route: {
      source: reply.source ?? Source.edgeController,
      group: reply.group ?? Group.resource,
      operation: reply.operation ?? Operation.response,
      resource: reply.resource ?? request.route.resource ?? "",
    },
    content: reply.content,
  };
}

/**
 * Refuses a request in a way that every edge understands: operation `error` and plain text, which a KubeEdge
 * edge neither stores nor decodes as an object.
 *
 * @param text must be no JSON document
 */
export function errorTo(
  request: Frame,
  text: string,
  route: { readonly source?: string; readonly group?: string } = {},
  origin: FrameOrigin = {},
): Frame {
  return replyTo(request, { ...route, operation: Operation.error, content: text }, origin);
}

function identity({ newId = randomUUID, now = Date.now }: FrameOrigin): {
  msg_id: string;
  timestamp: number;
} {
  return { msg_id: newId(), timestamp: now() };
}
