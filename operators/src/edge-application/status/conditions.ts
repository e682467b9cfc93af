// SPDX-License-Identifier: Apache-2.0
import { withCondition, type Condition } from "../../runtime/index.ts";
import { nameFor } from "../resources.ts";
import type { Words } from "../rollout/index.ts";
import type { Observed, ObservedChild } from "./observed.ts";

/** Types that this controller keeps; those of others stay as they are. */
export const OWN_TYPES = [
  ...["Ready", "Available", "Progressing", "OverridesValid"],
  ...["RolledOut", "ImagesPrePulled", "Paused"],
] as const;

/** Messages that a condition begins with; the rest is counted. */
const MAX_MESSAGES = 3;
const MAX_MESSAGE_CHARS = 1024;

/** @param now RFC 3339, whole seconds */
export function conditionsOf(
  observed: Observed,
  old: readonly Condition[] | undefined,
  now: string,
): readonly Condition[] {
  const words = [
    ready(observed),
    available(observed),
    progressing(observed),
    overridesValid(observed),
    ...observed.rolloutConditions,
  ];
  const types = new Set(words.map(({ type }) => type));
  const isStale = ({ type }: Condition): boolean =>
    (OWN_TYPES as readonly string[]).includes(type) && !types.has(type);
  const kept = (old ?? []).filter((condition) => !isStale(condition));
  const { generation: observedGeneration } = observed;
  return words.reduce<readonly Condition[]>(
    (all, next) => withCondition(all, { ...next, message: cut(next.message), observedGeneration }, now),
    kept,
  );
}

function ready(observed: Observed): Words {
  const failed = failuresOf(observed);
  if (failed.length > 0) return no("Ready", "ObjectFailed", summaryOf(failed));
  const missing = missingGroups(observed);
  if (missing.length > 0) return no("Ready", "GroupMissing", missingMessage(missing));
  const held = observed.rolloutConditions.find(({ type, status }) => type === "Paused" && status === "True");
  if (held !== undefined) return no("Ready", "Held", held.message);
  const waiting = waitingOf(observed);
  if (waiting !== undefined) return no("Ready", "Progressing", waiting);
  const { children, targets } = observed;
  const message = `${counted(children.length, "object")} for ${counted(targets.length, "target")}`;
  return { type: "Ready", status: "True", reason: "Ready", message };
}

/** What is not yet as it should be, and needs nothing but time. */
function waitingOf({ children, rolloutConditions }: Observed): string | undefined {
  const rolling = rolloutConditions.find(({ type, status }) => type === "RolledOut" && status !== "True");
  if (rolling !== undefined) return rolling.message;
  const late = children.filter((child) => !isDone(child));
  return late[0] && `${more(late.length, nameFor(late[0].ref))} not as wanted yet`;
}

export function isDone({ exists, isApplied, facts, fault }: ObservedChild): boolean {
  if (!exists || !isApplied || fault !== undefined) return false;
  return facts === undefined || (facts.isObserved && facts.isAvailable && facts.upToDate >= facts.desired);
}

function available({ children }: Observed): Words {
  const type = "Available";
  const bad = children.filter(({ exists, facts }) => !exists || facts?.isServing === false);
  const [first] = bad;
  if (first === undefined)
    return { type, status: "True", reason: "Available", message: "every workload serves" };
  const { facts } = first;
  const how =
    !first.exists || facts === undefined ? "is not there" : `has ${facts.available} of ${facts.desired}`;
  const others = bad.length > 1 ? `; and ${bad.length - 1} more` : "";
  return no(type, "Unavailable", `${nameFor(first.ref)} ${how}${others}`);
}

function progressing(observed: Observed): Words {
  const type = "Progressing";
  const isMoving = observed.children.some(
    (child) => child.fault === undefined && !(child.isApplied && isUpToDate(child)),
  );
  if (isMoving) return { type, status: "True", reason: "Rendered", message: "objects are being changed" };
  const failed = failuresOf(observed);
  if (failed.length > 0) return no(type, "ObjectFailed", summaryOf(failed));
  return no(type, "Finished", "every object has its newest content");
}

const isUpToDate = ({ facts }: ObservedChild): boolean =>
  facts === undefined || (facts.isObserved && facts.upToDate >= facts.desired);

function overridesValid({ faults, scopeFaults, notes = [] }: Observed): Words {
  const type = "OverridesValid";
  const messages = [...scopeFaults, ...faults.map(({ message }) => message)];
  if (messages.length > 0) return no(type, "OverrideFailed", summaryOf(messages));
  const fits = "every manifest fits every target";
  const message = notes.length > 0 ? `${fits}; ${summaryOf(notes)}` : fits;
  return { type, status: "True", reason: "Valid", message };
}

/** Everything that somebody has to put right. */
export const failuresOf = (observed: Observed): readonly string[] => [
  ...observed.scopeFaults,
  ...observed.faults.map(({ message }) => message),
  ...observed.children.flatMap(({ fault }) => (fault === undefined ? [] : [fault])),
  ...observed.pruneFaults,
];

export const missingGroups = ({ targets }: Observed): readonly string[] =>
  targets.filter(({ isMissing }) => isMissing).map(({ name }) => name);

export function missingMessage(names: readonly string[]): string {
  const shown = names.slice(0, MAX_MESSAGES).join(", ");
  const others = names.length > MAX_MESSAGES ? ` and ${names.length - MAX_MESSAGES} more` : "";
  return `there is no NodeGroup ${shown}${others}; its objects wait for nodes`;
}

function summaryOf(messages: readonly string[]): string {
  const unique = [...new Set(messages)];
  const shown = unique.slice(0, MAX_MESSAGES).join("; ");
  return unique.length > MAX_MESSAGES
    ? `${cut(shown, 900)}; and ${unique.length - MAX_MESSAGES} more`
    : shown;
}

const no = (type: string, reason: string, message: string): Words => ({
  type,
  status: "False",
  reason,
  message,
});

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;

const more = (count: number, first: string): string =>
  count === 1 ? `${first} is` : `${first} and ${count - 1} more are`;

export const cut = (text: string, max = MAX_MESSAGE_CHARS): string =>
  text.length <= max ? text : `${text.slice(0, max - 1)}…`;
