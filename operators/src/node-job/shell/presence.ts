// SPDX-License-Identifier: Apache-2.0
import { DeliveryError } from "../../delivery/errors.ts";
import type { Outbox } from "../../delivery/outbox.ts";
import { pause, type Clock, type Log, type Runnable } from "../../runtime/index.ts";
import { inTurns, isConnectedNow } from "./standings.ts";

export interface PresenceDeps {
  readonly outbox: Pick<Outbox, "standing">;
  readonly clock: Clock;
  readonly log: Log;
  /** Nodes that jobs wait for although their Node is not Ready. */
  readonly awaited: () => ReadonlySet<string>;
  /** Called with nodes that came or went. */
  readonly onChange: (nodes: ReadonlySet<string>) => void;
  readonly pollMs: number;
}

export interface Presence extends Runnable {
  isConnected(node: string): boolean;
}

/** Nodes of one look; the others have their turn with the next one. */
const MAX_NODES = 2_000;

/**
 * Which nodes that are not Ready have a session nevertheless: a job may be what mends them. Of a Node that is Ready
 * nobody needs to ask.
 */
export function createPresence(deps: PresenceDeps): Presence {
  const { outbox, clock, log, pollMs } = deps;
  let connected: ReadonlySet<string> = new Set();
  let skipped = 0;

  const look = async (): Promise<void> => {
    const awaited = [...deps.awaited()];
    const from = awaited.length > MAX_NODES ? skipped % awaited.length : 0;
    skipped = from + MAX_NODES;
    const asked = [...awaited.slice(from), ...awaited.slice(0, from)].slice(0, MAX_NODES);
    const [all, turn] = [new Set(awaited), new Set(asked)];
    const now = new Set([...connected].filter((node) => all.has(node) && !turn.has(node)));
    await inTurns(asked, async (node) => {
      if (await isConnectedNow(outbox, node)) now.add(node);
    });
    const changed = new Set([...now, ...connected].filter((node) => now.has(node) !== connected.has(node)));
    connected = now;
    if (changed.size > 0) deps.onChange(changed);
  };
  return {
    isConnected: (node) => connected.has(node),
    async start(signal) {
      while (!signal.aborted) {
        await look().catch((error: unknown) => {
          if (!(error instanceof DeliveryError)) throw error;
          log.debug({ err: error }, "Redis is away: which nodes are connected is looked for later");
        });
        await pause(clock, pollMs, signal);
      }
    },
  };
}
