// SPDX-License-Identifier: Apache-2.0
import { afterEach } from "@jest/globals";
import type { ActionReport } from "@longshore/crds/tasks";
import { TASK_BUCKET } from "../../src/jobs/index.ts";
import type { Task } from "../../src/jobs/task.ts";
import type { StoreOutcome } from "../../src/store/index.ts";
import { put } from "../store/gen.ts";
import { live, order, World, type JobText, type Life, type LifeOptions } from "./world.ts";

export const upgrade: JobText = {
  kind: "NodeUpgradeJob",
  name: "up",
  uid: "u-1",
  spec: { version: "v1.2.3" },
};
export const pull: JobText = { kind: "ImagePrePullJob", name: "pull", uid: "p-1" };
export const UPGRADED = "Check=True WaitingConfirmation=True BackUp=True Upgrade=True";

/** Of one test; they end with it. */
let lives: Life[] = [];
let worlds: World[] = [];
afterEach(async () => {
  for (const life of lives) await life.end();
  for (const world of worlds) world.end();
  [lives, worlds] = [[], []];
});

export function newWorld(): World {
  const world = new World();
  worlds.push(world);
  return world;
}

/** A process whose engine is not started yet. */
export function prepare(world: World, how: LifeOptions = {}): Life {
  const life = live(world, how);
  lives.push(life);
  return life;
}

export async function begin(world: World, how: LifeOptions = {}): Promise<Life> {
  const life = prepare(world, how);
  await life.jobs.start();
  return life;
}

export async function end(life: Life): Promise<void> {
  lives = lives.filter((other) => other !== life);
  await life.end();
}

export const apply = (life: Life, job: JobText): Promise<StoreOutcome> =>
  life.store.desired.apply(put(order(job)));
export const withdraw = (life: Life, { kind, name, uid }: JobText): Promise<StoreOutcome> =>
  life.store.desired.apply({ op: "delete", key: order({ kind, name, uid }).key, uid });

export const tasks = (life: Life): Task[] =>
  life.store.records.list(TASK_BUCKET).map(([, task]) => task as Task);
export const toldAll = (life: Life) => (): boolean =>
  tasks(life).length > 0 && tasks(life).every((t) => t.state === "ended" && t.told === t.changes);
export const reportOf = (world: World, at: number): ActionReport =>
  world.frames.at(at)?.content as ActionReport;
