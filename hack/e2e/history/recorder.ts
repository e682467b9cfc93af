// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { agentDir } from "../../cluster/edge.ts";
import type { Layout } from "../../cluster/layout.ts";
import { logOf } from "../../cluster/processes.ts";
import type { Began, Desired, Faulted, HistoryEvent, Set as DeviceSet, Wanted } from "./events.ts";
import { watchRuntime } from "./runtime-watch.ts";
import { beginJournal } from "./store-journal.ts";
import type { EdgeView } from "./view.ts";

/** Records one history, from now on. */
export interface Recorder {
  add(event: Wanted | Desired | Faulted): void;
  /** All of it up to now, for the checker. */
  history(): HistoryEvent[];
  /** The edge as it is now. Only while the agent runs. */
  edge(): Promise<EdgeView>;
  stop(): Promise<void>;
}

/** @param begun file to which each container adds the uid of its pod when it begins to run */
export function record(layout: Layout, begun: string): Recorder {
  const told: HistoryEvent[] = [];
  const journal = beginJournal(join(agentDir(layout), "agent.db"));
  const runtime = watchRuntime(layout);
  const sets = setsSince(logOf(layout, "mapper"));
  return {
    add: (event) => void told.push(event),
    history: () => [...told, ...journal.changes(), ...runtime.created(), ...begunIn(begun), ...sets()],
    edge: async () => ({
      objects: journal.objects(),
      running: await runtime.running(),
      fileOf: (uid, path) => textOf(join(agentDir(layout), "kubelet/pods", uid, "volumes", path)),
      set: new Map(sets().map(({ device, value }) => [device, value])),
    }),
    stop: async () => {
      await runtime.stop();
      journal.end();
    },
  };
}

const textOf = (path: string): string | undefined =>
  existsSync(path) ? readFileSync(path, "utf8") : undefined;

const begunIn = (path: string): Began[] =>
  (textOf(path) ?? "")
    .split("\n")
    .filter(Boolean)
    .map((uid) => ({ type: "began", uid }));

/** What the thermometers were set to, as the mapper's log tells. */
function setsSince(log: string): () => DeviceSet[] {
  const from = statSync(log).size;
  return () =>
    readFileSync(log)
      .subarray(from)
      .toString()
      .split("\n")
      .filter((line) => line.startsWith("{") && line.endsWith("}") && line.includes('"target set"'))
      .map((line) => JSON.parse(line) as { device: string; target: number; write: number })
      .map(({ device, target, write }) => ({
        ...{ type: "set", device: `device/${device}`, value: `${target}`, write },
      }));
}
