// SPDX-License-Identifier: Apache-2.0
import { attemptOf, ORDER_KIND, type JobKind } from "@longshore/crds/tasks";
import type { DesiredStore, StoredObject } from "../store/port.ts";
import type { Order } from "./port.ts";
import { hasBegun, taskKey, type Task } from "./task.ts";

/** Bounds of what is taken and remembered. */
export interface OrderLimits {
  /** Tasks that have not ended; what is beyond stays in the store until one has. */
  readonly maxTasks: number;
  /** Tasks that have ended, and whose order is gone. */
  readonly maxEnded: number;
}

/** What the orders that stand make of the tasks that are known. */
export interface OrderPlan {
  readonly accept: readonly Order[];
  /** Keys of tasks that were withdrawn before they changed anything, or are forgotten. */
  readonly remove: readonly string[];
}

const KINDS = Object.entries(ORDER_KIND) as readonly (readonly [JobKind, string])[];

/** Resource types of orders. */
export const ORDER_TYPES: readonly string[] = KINDS.map(([, type]) => type);

interface JobObject {
  readonly metadata?: {
    readonly annotations?: Readonly<Record<string, string>>;
    readonly creationTimestamp?: unknown;
  };
  readonly spec?: unknown;
}

/** @returns undefined for what is no order */
export function orderOf({ kind: type, name, uid, value }: StoredObject): Order | undefined {
  const kind = KINDS.find(([, known]) => known === type)?.[0];
  if (kind === undefined || uid === "") return undefined;
  const { metadata, spec = null } = (value ?? {}) as JobObject;
  return { kind, name, uid, attempt: attemptOf(metadata?.annotations), spec };
}

/** Orders that stand, the oldest job first. */
export function standingOrders(desired: DesiredStore): readonly Order[] {
  return ORDER_TYPES.flatMap((type) => desired.list(type))
    .map((object) => ({ order: orderOf(object), at: bornAt(object) }))
    .sort((a, b) => (a.at < b.at ? -1 : Number(a.at > b.at)))
    .flatMap(({ order }) => order ?? []);
}

/** Text that sorts by age, then by name. */
function bornAt({ name, value }: StoredObject): string {
  const at = (value as JobObject | null)?.metadata?.creationTimestamp;
  return `${typeof at === "string" ? at : ""} ${name}`;
}

/** Level-based: what follows depends on what stands now, not on how it came. */
export function planOrders(
  standing: readonly Order[],
  tasks: readonly Task[],
  { maxTasks, maxEnded }: OrderLimits,
): OrderPlan {
  const wanted = new Set(standing.map(taskKey));
  const known = new Set(tasks.map(({ order }) => taskKey(order)));
  const isWithdrawn = (task: Task): boolean =>
    (isRevocable(task) && !wanted.has(taskKey(task.order))) || isReplaced(task, tasks);
  const withdrawn = tasks.filter(isWithdrawn);
  const room = maxTasks - tasks.filter((task) => task.state !== "ended" && !isWithdrawn(task)).length;
  const forgettable = tasks
    .filter((task) => task.state === "ended" && !wanted.has(taskKey(task.order)))
    .sort((a, b) => Number(isTold(a)) - Number(isTold(b)) || b.sequence - a.sequence);
  return {
    accept: standing.filter((order) => !known.has(taskKey(order))).slice(0, Math.max(0, room)),
    remove: [...withdrawn, ...forgettable.slice(maxEnded)].map(({ order }) => taskKey(order)),
  };
}

/** Nothing on the host was changed yet, neither before the first step nor while somebody is to confirm. */
export const isUntouched = (task: Task): boolean => !hasBegun(task) || task.state === "confirming";

export const isRevocable = (task: Task): boolean => task.from === "hub" && isUntouched(task);

/** A CloudCore withdraws nothing: a later upgrade takes the place of one that would wait to be confirmed for ever. */
const isReplaced = (task: Task, tasks: readonly Task[]): boolean =>
  task.from === "cloudcore" &&
  task.order.kind === "NodeUpgradeJob" &&
  isUntouched(task) &&
  tasks.some(({ order, sequence }) => order.kind === "NodeUpgradeJob" && sequence > task.sequence);

const isTold = ({ changes, told }: Task): boolean => told >= changes;

/** Tasks that go on now: those that change the agent one at a time, the others beside them. */
export function chooseTasks(
  tasks: readonly Task[],
  changesAgent: (kind: JobKind) => boolean,
  maxBeside: number,
): readonly Task[] {
  const open = tasks.filter(({ state }) => state === "ready" || state === "running");
  const changing = open.filter(({ order }) => changesAgent(order.kind));
  const beside = open.filter(({ order }) => !changesAgent(order.kind)).sort(holdersFirst);
  const mine = changing.find(({ holds }) => holds) ?? changing[0];
  const others = beside.filter(
    ({ order: { uid } }, at) => beside.findIndex((t) => t.order.uid === uid) === at,
  );
  return [...(mine ? [mine] : []), ...others.slice(0, maxBeside)];
}

const holdersFirst = (a: Task, b: Task): number =>
  Number(b.holds) - Number(a.holds) || a.sequence - b.sequence;
