// SPDX-License-Identifier: Apache-2.0
import type { IncomingStream } from "@longshore/crds/stream";
import type { AgentConfig } from "./config/index.ts";
import { acceptStreams, createNodeStreams, type NodeStreamsDeps } from "./streams/index.ts";

/** What letting the cloud look into this node needs of the agent. */
export interface StreamingDeps extends Omit<NodeStreamsDeps, "options" | "nodeName"> {
  readonly config: AgentConfig;
  readonly onMalformed: (code: string) => void;
}

/** The node's streams, as the agent holds them. */
export interface Streaming {
  /** Serves what the hub opens in the session. */
  accept(incoming: IncomingStream): void;
  stop(): void;
}

/** One opener, whoever asks. */
export function createStreaming(deps: StreamingDeps): Streaming {
  const { config, log } = deps;
  const { rootDirectory: rootDir, ...pods } = config.pods;
  const opener = createNodeStreams({ ...deps, nodeName: config.node.name, options: { ...pods, rootDir } });
  return {
    accept: acceptStreams(opener, { log, onMalformed: deps.onMalformed }),
    stop: () => opener.close(),
  };
}
