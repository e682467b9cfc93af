// SPDX-License-Identifier: Apache-2.0
import { Duplex } from "node:stream";
import {
  StreamError,
  type OpenedStream,
  type StreamOpener,
  type StreamRequest,
} from "@longshore/crds/stream";
import { CriError } from "../cri/index.ts";
import type { AgentLog } from "../log.ts";
import type { StreamMetrics } from "./metrics.ts";

/** How one verb is served. @throws {StreamError | CriError} */
type Serve<V extends StreamRequest["verb"]> = (
  request: Extract<StreamRequest, { verb: V }>,
  signal: AbortSignal,
) => Promise<OpenedStream>;

/** How each verb is served. */
export type Verbs = { readonly [V in StreamRequest["verb"]]: Serve<V> };

/** What serving streams needs. */
export interface OpenerDeps {
  readonly verbs: Verbs;
  /** Streams at once, wherever they come from. */
  readonly maxLive: number;
  readonly log: AgentLog;
  readonly metrics: Pick<StreamMetrics, "opened" | "live">;
}

/** An opener that can be shut. */
export type ClosableOpener = StreamOpener & {
  /** Ends every stream, and refuses new ones. */
  close(): void;
};

/** Serves each verb, keeps count of what is open, and has an end. */
export function createOpener({ verbs, maxLive, log, metrics }: OpenerDeps): ClosableOpener {
  const live = new Set<Duplex>();
  const closing = new AbortController();
  let opening = 0;

  const count = (): void => metrics.live(live.size + opening);
  const admit = (): void => {
    if (closing.signal.aborted) throw ending();
    if (live.size + opening >= maxLive)
      throw new StreamError("TOO_MANY", `this node has ${maxLive} streams open already`);
  };
  const keep = ({ stream }: OpenedStream): void => {
    live.add(stream);
    stream.once("close", () => {
      live.delete(stream);
      count();
    });
    // Whoever reads it sees the error too; this is for the time before anyone does.
    stream.on("error", () => undefined);
    if (closing.signal.aborted) stream.destroy(ending());
  };
  const serve = async (request: StreamRequest, signal: AbortSignal): Promise<OpenedStream> => {
    admit();
    opening += 1;
    count();
    try {
      const opened = await dispatch(verbs, request, signal);
      keep(opened);
      return opened;
    } finally {
      opening -= 1;
      count();
    }
  };
  return {
    open: async (request, signal) => {
      const signals = signal === undefined ? closing.signal : AbortSignal.any([closing.signal, signal]);
      try {
        const opened = await serve(request, signals);
        metrics.opened(request.verb, "ok");
        tell(log, request);
        return opened;
      } catch (cause) {
        const error = asStreamError(signals.aborted ? signals.reason : cause);
        metrics.opened(request.verb, error.code);
        log.info({ ...subjectOf(request), code: error.code, err: cause }, "stream refused");
        throw error;
      }
    },
    close: () => {
      closing.abort(ending());
      for (const stream of live) stream.destroy(ending());
    },
  };
}

const ending = (): StreamError => new StreamError("LOST", "the agent of this node ends");

function dispatch(verbs: Verbs, request: StreamRequest, signal: AbortSignal): Promise<OpenedStream> {
  switch (request.verb) {
    case "logs":
      return verbs.logs(request, signal);
    case "exec":
      return verbs.exec(request, signal);
    case "attach":
      return verbs.attach(request, signal);
    case "portForward":
      return verbs.portForward(request, signal);
    case "read":
      return verbs.read(request, signal);
  }
}

const WORDS: Readonly<Partial<Record<CriError["code"], readonly ["NOT_FOUND" | "INTERNAL", string]>>> = {
  NOT_FOUND: ["NOT_FOUND", "the container is gone"],
  UNAVAILABLE: ["INTERNAL", "the container runtime of this node is not there"],
  DEADLINE: ["INTERNAL", "the container runtime of this node does not answer"],
};

/** What an AbortController says when nobody gave it a reason. */
const isAbort = (cause: unknown): boolean =>
  typeof cause === "object" && cause !== null && "name" in cause && cause.name === "AbortError";

/** What failed here in words for the asker: the runtime's own where it said why, none of a fault of ours. */
export function asStreamError(cause: unknown): StreamError {
  if (cause instanceof StreamError) return cause;
  if (isAbort(cause)) return new StreamError("CANCELLED", "given up by the asker", { cause });
  if (!(cause instanceof CriError)) return new StreamError("INTERNAL", "the node failed", { cause });
  const [code, message] = WORDS[cause.code] ?? ["INTERNAL", cause.message];
  return new StreamError(code, message, { cause });
}

/** Never the command: what people type is theirs. */
function subjectOf(request: StreamRequest): Record<string, string> {
  if (request.verb === "read") return { verb: request.verb, what: request.what };
  const { verb, namespace, pod } = request;
  return { verb, namespace, pod, ...("container" in request && { container: request.container }) };
}

/** Who enters a container is worth a line; who reads is not, for metrics are read every few seconds. */
function tell(log: AgentLog, request: StreamRequest): void {
  const isEntry = request.verb !== "read" && request.verb !== "logs";
  log[isEntry ? "info" : "debug"](subjectOf(request), "stream opened");
}
