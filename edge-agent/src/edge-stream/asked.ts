// SPDX-License-Identifier: Apache-2.0
import {
  decodeConnect,
  readKubeletRequest,
  StreamError,
  TUNNEL_TYPE,
  type StreamRequest,
} from "@longshore/crds/stream";
import { STATUS_CODES } from "node:http";

/** What each of KubeEdge's opening messages may ask for. */
export const VERB_OF: ReadonlyMap<number, StreamRequest["verb"]> = new Map([
  [TUNNEL_TYPE.logs, "logs"],
  [TUNNEL_TYPE.exec, "exec"],
  [TUNNEL_TYPE.metrics, "read"],
  [TUNNEL_TYPE.attach, "attach"],
]);

/**
 * Reads what a CloudCore asks of this node; only path and query of its URL count (S25).
 *
 * @throws {StreamError}
 */
export function readAsked(type: number, payload: Buffer, ownNode: string): StreamRequest {
  const { node, request } = readKubeletRequest(decodeConnect(payload));
  if (node !== undefined && node !== ownNode)
    throw new StreamError("FORBIDDEN", "this is asked of another node");
  if (request.verb !== VERB_OF.get(type))
    throw new StreamError("BAD_REQUEST", "message and path ask for different things");
  return request;
}

/** What the one who asked reads of a refusal: an HTTP answer where one is expected, else a line of text. */
export function refusalBytes(type: number, error: StreamError): Buffer {
  const text = `${error.message}\n`;
  const isHttp = type === TUNNEL_TYPE.exec || type === TUNNEL_TYPE.attach;
  if (!isHttp) return Buffer.from(text);
  // 499 is no status that others know.
  const status = error.status in STATUS_CODES ? error.status : 500;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(text)}`,
    "Connection: close",
  ];
  return Buffer.from(`${head.join("\r\n")}\r\n\r\n${text}`);
}
