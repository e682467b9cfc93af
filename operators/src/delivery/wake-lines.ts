// SPDX-License-Identifier: Apache-2.0

interface Line {
  nodes: Set<string>;
  /** The call that takes `nodes`, once the one before it has ended. */
  next: Promise<void> | undefined;
  running: Promise<void>;
}

/**
 * Gathers the nodes to be woken in a hub: while one call is on its way, what comes meanwhile goes with the next. So a
 * single wake-up waits for nothing, and a thousand at once cost a few calls. Holds each node once a hub.
 *
 * @param ring tells a hub of nodes; when it fails, so does every wake-up that went with it
 */
export function createWakeLines(
  ring: (hub: string, nodes: readonly string[]) => Promise<void>,
): (hub: string, node: string) => Promise<void> {
  const lines = new Map<string, Line>();

  async function take(hub: string, line: Line): Promise<void> {
    await line.running.catch(() => undefined); // told to those that it was for
    const nodes = [...line.nodes];
    line.nodes = new Set();
    line.next = undefined;
    line.running = ring(hub, nodes);
    try {
      await line.running;
    } finally {
      if (line.nodes.size === 0) lines.delete(hub);
    }
  }

  return (hub, node) => {
    const line = lines.get(hub) ?? { nodes: new Set(), next: undefined, running: Promise.resolve() };
    lines.set(hub, line);
    line.nodes.add(node);
    line.next ??= take(hub, line);
    return line.next;
  };
}
