// SPDX-License-Identifier: Apache-2.0
import { compareResourceVersion } from "@longshore/crds/wire";
import type {
  Created,
  Faulted,
  HistoryEvent,
  Set as DeviceSet,
  Stored,
  Violation,
  Wanted,
} from "./events.ts";

export interface CheckOptions {
  /** From when the part is ready again to when the edge has what is wanted. */
  readonly convergeMs: number;
  /** The fault that takes the mapper's memory of its devices with it. */
  readonly mapperFault: string;
  /** The fault that cancels what the runtime is asked at that moment: a container that never ran is made again. */
  readonly agentFault: string;
}

type Invariant = Violation["invariant"];
type EventOf<T extends HistoryEvent["type"]> = Extract<HistoryEvent, { readonly type: T }>;

/**
 * Holds a whole history to four invariants: I1 it converges after each fault, I2 nothing is lost, I3 no object goes
 * back, I4 nothing is done twice. Pure; the order of events of one type is that of the list.
 */
export function checkHistory(history: readonly HistoryEvent[], options: CheckOptions): Violation[] {
  const of = <T extends HistoryEvent["type"]>(type: T): EventOf<T>[] =>
    history.filter((event): event is EventOf<T> => event.type === type);
  const faults = of("fault");
  const stored = of("stored");
  const mapperLives =
    1 + faults.filter(({ name, phase }) => name === options.mapperFault && phase === "down").length;
  const desired = grouped(of("desired"), ({ device }) => device);
  return [
    ...said("I1", lateFaults(faults, options.convergeMs)),
    ...said("I2", lostChanges(of("wanted"), stored)),
    ...said("I3", [...grouped(stored, ({ key, uid }) => `${key}#${uid}`)].flatMap(regressions)),
    ...said("I4", twiceCreated(of("created"), timesOf(faults, options.agentFault))),
    ...said("I4", twiceBegun(of("began").map(({ uid }) => uid))),
    ...said("I4", [
      ...[...grouped(of("set"), ({ device }) => device)].flatMap(([device, sets]) =>
        secondWrites(
          sets,
          (desired.get(device) ?? []).map(({ value }) => value),
          mapperLives,
        ).map((message) => `${device}: ${message}`),
      ),
    ]),
  ];
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

const said = (invariant: Invariant, messages: readonly string[]): Violation[] =>
  messages.map((message) => ({ invariant, message }));

function lateFaults(faults: readonly Faulted[], convergeMs: number): string[] {
  return faults.flatMap(({ name, phase }, index) => {
    if (phase !== "down") return [];
    const [ready, converged] = faults.slice(index + 1, index + 3);
    if (ready?.phase !== "ready" || converged?.phase !== "converged") return [`${name}: it never converged`];
    const tookMs = converged.atMs - ready.atMs;
    return tookMs > convergeMs ? [`${name}: it took ${(tookMs / 1000).toFixed(1)} s to converge`] : [];
  });
}

/** Only the last word on a key has to arrive; a uid that was deleted has to be gone, whatever came after it. */
function lostChanges(wanted: readonly Wanted[], stored: readonly Stored[]): string[] {
  const held = new Map<string, Stored>();
  for (const change of stored) {
    if (change.op === "put") held.set(change.key, change);
    else if (held.get(change.key)?.uid === change.uid) held.delete(change.key);
  }
  const deleted = new Set(wanted.filter(({ op }) => op === "delete").map(({ key, uid }) => `${key}#${uid}`));
  const resurrected = [...held.values()]
    .filter(({ key, uid }) => deleted.has(`${key}#${uid}`))
    .map(({ key, uid }) => `${key}: uid ${uid} is deleted and still at the edge`);
  const newest = new Map(wanted.map((change) => [change.key, change]));
  const missing = [...newest.values()].flatMap(({ op, key, uid, rv }) => {
    if (op === "delete") return [];
    const now = held.get(key);
    if (now?.uid !== uid) return [`${key}: uid ${uid} never arrived, the edge has ${now?.uid ?? "nothing"}`];
    return compareResourceVersion(now.rv, rv) < 0 ? [`${key}: the edge is at ${now.rv}, behind ${rv}`] : [];
  });
  return [...resurrected, ...missing];
}

function regressions([what, changes]: readonly [string, readonly Stored[]]): string[] {
  return changes.slice(1).flatMap((change, index) => {
    const before = changes[index]!;
    if (change.op === "delete") return [];
    if (before.op === "delete") return [`${what}: came back with ${change.rv} after its delete`];
    if (change.epoch !== before.epoch)
      return change.epoch < before.epoch
        ? [`${what}: cluster epoch ${before.epoch}, then ${change.epoch}`]
        : [];
    return compareResourceVersion(change.rv, before.rv) > 0
      ? []
      : [`${what}: ${before.rv}, then ${change.rv}`];
  });
}

interface Time {
  readonly downMs: number;
  readonly readyMs: number;
}

const timesOf = (faults: readonly Faulted[], wanted: string): Time[] =>
  faults.flatMap(({ name, phase, atMs }, index) =>
    name === wanted && phase === "down"
      ? [{ downMs: atMs, readyMs: faults[index + 1]?.atMs ?? Infinity }]
      : [],
  );

/**
 * No container ends by itself and no sandbox fails: the one reason to create again is a start that a fault cancelled.
 * Then the first never ran, which twiceBegun holds it to.
 */
function twiceCreated(created: readonly Created[], cancelled: readonly Time[]): string[] {
  const isCancelled = (first: Created, second: Created): boolean =>
    second.container !== "" &&
    cancelled.some(({ downMs, readyMs }) => first.atMs <= readyMs && second.atMs >= downMs);
  return [...grouped(created, ({ uid, container }) => `${uid}/${container || "(sandbox)"}`)]
    .filter(([, all]) =>
      all.slice(1).some((next, i) => next.id !== all[i]!.id && !isCancelled(all[i]!, next)),
    )
    .map(([what, all]) => `${what} was created ${all.length} times`);
}

function twiceBegun(uids: readonly string[]): string[] {
  return [...grouped(uids, (uid) => uid)]
    .filter(([, all]) => all.length > 1)
    .map(([uid, all]) => `the container of pod ${uid} began ${all.length} times`);
}

/** A device that is opened again is new and is told once more; otherwise each wanted value is written at most once. */
function secondWrites(sets: readonly DeviceSet[], desired: readonly string[], mapperLives: number): string[] {
  const opened = sets.filter(({ write }) => write === 1).length;
  const problems =
    opened > mapperLives ? [`opened ${opened} times by a mapper that lived ${mapperLives} times`] : [];
  let last = -1;
  for (const { value, write } of sets) {
    const index = desired.indexOf(value, Math.max(last, 0));
    if (index < 0)
      problems.push(desired.includes(value) ? `went back to ${value}` : `nobody wanted ${value}`);
    else if (index === last && write !== 1) problems.push(`${value} was written twice`);
    last = Math.max(index, last);
  }
  return problems;
}
