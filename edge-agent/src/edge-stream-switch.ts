// SPDX-License-Identifier: Apache-2.0
import type { EdgeStream } from "./edge-stream/index.ts";
import type { AgentLog } from "./log.ts";
import type { Tunnel, Uplink } from "./tunnel/index.ts";

/** What deciding about KubeEdge's stream tunnel needs. */
export interface EdgeStreamSwitchDeps {
  readonly session: Pick<Uplink, "onState"> & Pick<Tunnel, "hasStreams">;
  /** Called once, when the tunnel is first needed. */
  readonly make: () => Promise<EdgeStream>;
  readonly log: AgentLog;
}

/**
 * Keeps KubeEdge's stream tunnel open while the session is one that carries no streams: towards a CloudCore. What was
 * right for the last session stays while there is none.
 *
 * @returns ends it
 */
export function switchEdgeStream({ session, make, log }: EdgeStreamSwitchDeps): () => Promise<void> {
  let isWanted = false;
  let made: EdgeStream | undefined;
  let work = Promise.resolve();

  const apply = async (): Promise<void> => {
    if (isWanted) made ??= await make();
    // Asked again: the session may have changed meanwhile.
    if (isWanted) made?.start();
    else await made?.stop();
  };
  const want = (next: boolean): Promise<void> => {
    isWanted = next;
    work = work.then(apply).catch((err: unknown) => {
      log.error({ err }, "the stream tunnel to the cloud is not as it should be");
    });
    return work;
  };
  const unsubscribe = session.onState((connected) => {
    if (connected) void want(!session.hasStreams());
  });
  return () => {
    unsubscribe();
    return want(false);
  };
}
