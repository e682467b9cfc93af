// SPDX-License-Identifier: Apache-2.0

/** What `kubectl logs` can ask for. */
export interface LogOptions {
  readonly follow?: boolean;
  readonly previous?: boolean;
  readonly timestamps?: boolean;
  readonly tailLines?: number;
  readonly sinceSeconds?: number;
  /** RFC 3339 */
  readonly sinceTime?: string;
  readonly limitBytes?: number;
  /** Only what was written to this one; default both. */
  readonly stream?: "stdout" | "stderr";
}

/** The API server's upgrade, handed to the runtime's streaming server as it is. */
export interface Upgrade {
  readonly method: "GET" | "POST";
  /** Lower-case names, of `UPGRADE_HEADERS` only; a name may come several times. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

interface OfPod {
  readonly namespace: string;
  readonly pod: string;
  /** A pod of the same name with another uid is another pod. */
  readonly uid: string;
}

interface Streams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

export interface LogsRequest extends OfPod {
  readonly verb: "logs";
  readonly container: string;
  readonly options: LogOptions;
}

export interface ExecRequest extends OfPod, Streams {
  readonly verb: "exec";
  readonly container: string;
  /** Handed to the runtime word for word; there is no shell. */
  readonly command: readonly string[];
  readonly upgrade: Upgrade;
}

export interface AttachRequest extends OfPod, Streams {
  readonly verb: "attach";
  readonly container: string;
  readonly upgrade: Upgrade;
}

export interface PortForwardRequest extends OfPod {
  readonly verb: "portForward";
  /** Of the WebSocket protocol only; with SPDY each connection names its own. */
  readonly ports: readonly number[];
  readonly upgrade: Upgrade;
}

export const READS = [
  "stats/summary",
  "metrics",
  "metrics/resource",
  "metrics/cadvisor",
  "metrics/probes",
  "pods",
  "healthz",
] as const;

/** One answer about the node itself. */
export interface ReadRequest {
  readonly verb: "read";
  readonly what: (typeof READS)[number];
}

/** One thing that the API server asks of a node. There is no URL in it: the edge knows where its own things are. */
export type StreamRequest = LogsRequest | ExecRequest | AttachRequest | PortForwardRequest | ReadRequest;

/** What the edge says when it accepts. */
export interface StreamHead {
  /** of a log or an answer; undefined for an upgrade, whose own head follows in the bytes */
  readonly contentType?: string;
}
