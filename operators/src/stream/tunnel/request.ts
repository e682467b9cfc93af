// SPDX-License-Identifier: Apache-2.0
import {
  encodeConnect,
  encodeTunnelMessage,
  kubeletUrl,
  StreamError,
  TUNNEL_TYPE,
  type StreamHead,
  type StreamRequest,
} from "@longshore/crds/stream";

const TYPE_OF = {
  logs: TUNNEL_TYPE.logs,
  read: TUNNEL_TYPE.metrics,
  exec: TUNNEL_TYPE.exec,
  attach: TUNNEL_TYPE.attach,
};

/**
 * The message that opens a stream at an EdgeCore.
 *
 * @throws {StreamError} UNSUPPORTED for what the protocol has no message for
 */
export function connectMessage(connection: number, request: StreamRequest): Buffer {
  if (request.verb === "portForward")
    throw new StreamError("UNSUPPORTED", "the node runs KubeEdge's EdgeCore, which cannot forward ports");
  const { method, path, query } = kubeletUrl(request);
  const of = { connection, path: decodeURIComponent(path), query };
  const payload = isUpgrade(request)
    ? encodeConnect({ ...of, method, headers: request.upgrade.headers })
    : encodeConnect({ ...of, headers: [["accept-encoding", "identity"]] });
  return encodeTunnelMessage({ connection, type: TYPE_OF[request.verb], payload });
}

type UpgradeRequest = Extract<StreamRequest, { upgrade: unknown }>;

/** Bytes both ways, or an answer only? */
export const isUpgrade = (request: StreamRequest): request is UpgradeRequest => "upgrade" in request;

/** Must there be a first byte before the end? A log and metrics may be empty. */
export const needsAnswer = (request: StreamRequest): boolean =>
  isUpgrade(request) || (request.verb === "read" && CONTENT_TYPE[request.what] === JSON_TYPE);

const JSON_TYPE = "application/json";
const TEXT_TYPE = "text/plain; charset=utf-8";
const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";
const CONTENT_TYPE = {
  "stats/summary": JSON_TYPE,
  pods: JSON_TYPE,
  healthz: TEXT_TYPE,
  metrics: PROMETHEUS_TYPE,
  "metrics/resource": PROMETHEUS_TYPE,
  "metrics/cadvisor": PROMETHEUS_TYPE,
  "metrics/probes": PROMETHEUS_TYPE,
} as const;

/** What the answer is: the node's own head, status and all, does not come through the tunnel. */
export function headOf(request: StreamRequest): StreamHead {
  if (isUpgrade(request)) return {};
  return { contentType: request.verb === "read" ? CONTENT_TYPE[request.what] : TEXT_TYPE };
}
