// SPDX-License-Identifier: Apache-2.0
import type { IncomingStream, StreamOpener } from "@longshore/crds/stream";
import type { AgentConfig } from "./config/index.ts";
import type { EdgeStream, TlsIdentity } from "./edge-stream/index.ts";
import { switchEdgeStream, type EdgeStreamSwitchDeps } from "./edge-stream-switch.ts";
import { acceptStreams, createNodeStreams, type NodeStreamsDeps } from "./streams/index.ts";

/** What letting the cloud look into this node needs of the agent. */
export interface StreamingDeps extends Omit<NodeStreamsDeps, "options" | "nodeName"> {
  readonly config: AgentConfig;
  /** The session with the hub. */
  readonly session: EdgeStreamSwitchDeps["session"];
  /** This node's internal address. */
  readonly ip: string;
  /** Of now; it is renewed. */
  readonly identity: () => TlsIdentity;
  readonly onMalformed: (code: string) => void;
}

/** The node's streams, as the agent holds them. */
export interface Streaming {
  /** Serves what the hub opens in the session. */
  accept(incoming: IncomingStream): void;
  stop(): Promise<void>;
}

/** One opener, whoever asks: a hub of ours in the session, or a CloudCore through the tunnel that it knows. */
export function createStreaming(deps: StreamingDeps): Streaming {
  const { config, log } = deps;
  const { rootDirectory: rootDir, ...pods } = config.pods;
  const opener = createNodeStreams({ ...deps, nodeName: config.node.name, options: { ...pods, rootDir } });
  const { session } = deps;
  const stopEdgeStream = config.edgeStream.enable
    ? switchEdgeStream({ session, make: () => makeEdgeStream(deps, opener), log })
    : (): Promise<void> => Promise.resolve();
  return {
    accept: acceptStreams(opener, { log, onMalformed: deps.onMalformed }),
    stop: () => {
      opener.close();
      return stopEdgeStream();
    },
  };
}

/** Loaded where it is needed: a node of our hub never does. */
async function makeEdgeStream(deps: StreamingDeps, opener: StreamOpener): Promise<EdgeStream> {
  const { createEdgeStream, createEdgeStreamMetrics } = await import("./edge-stream/index.ts");
  const { config, registry, ip, identity, log, clock } = deps;
  const { server, handshakeTimeoutMs } = config.edgeStream;
  return createEdgeStream({
    server,
    node: config.node.name,
    ip,
    identity,
    opener,
    log,
    clock,
    metrics: createEdgeStreamMetrics(registry),
    options: { handshakeTimeoutMs },
  });
}
