// SPDX-License-Identifier: Apache-2.0
import type { ActionReport, JobKind } from "@longshore/crds/tasks";
import { ORDER_KIND } from "@longshore/crds/tasks";
import type { Frame } from "@longshore/crds/wire";
import { rmSync } from "node:fs";
import { Registry } from "prom-client";
import { createJobs, type Jobs, type JobsDeps } from "../../src/jobs/index.ts";
import type { StepContext, StepOutcome, StepRunner } from "../../src/jobs/port.ts";
import type { RecordStore, StoredObject } from "../../src/store/index.ts";
import { TunnelError, type Uplink, type UplinkRequest } from "../../src/tunnel/index.ts";
import { open, type OpenStore } from "../store/gen.ts";
import { makeFolder } from "./folder.ts";
import { fakeClock, fakeLog, type FakeClock, type FakeLog } from "../tunnel/fakes.ts";

export const NODE = "edge-1";

export interface JobText {
  readonly kind: JobKind;
  readonly name: string;
  readonly uid: string;
  readonly spec?: unknown;
  readonly attempt?: number;
  readonly resourceVersion?: string;
  readonly created?: string;
}

let versions = 100;

/** An order as the hub pushes it and the store keeps it. */
export function order({
  kind,
  name,
  uid,
  spec = {},
  attempt,
  resourceVersion,
  created,
}: JobText): StoredObject {
  const type = ORDER_KIND[kind];
  const version = resourceVersion ?? String(++versions);
  const annotations = attempt === undefined ? {} : { "longshore.io/attempt": String(attempt) };
  const metadata = { name, uid, resourceVersion: version, annotations, creationTimestamp: created ?? "" };
  return {
    ...{ key: `${type}//${name}`, kind: type, namespace: "", name, uid, resourceVersion: version },
    ...{ digest: "d", clusterEpoch: 1, value: { kind, metadata, spec } },
  };
}

/** Where a process may die: it passes each point until the one where it does, and from then on nothing returns. */
export class Fate {
  passed = 0;
  isDead = false;
  readonly #dieAt: number;
  constructor(dieAt = Infinity) {
    this.#dieAt = dieAt;
  }

  /** Never resolves once dead. */
  async pass(): Promise<void> {
    if (++this.passed >= this.#dieAt) this.isDead = true;
    if (this.isDead) await new Promise(() => undefined);
  }

  /** May die before and after the work. */
  async around<T>(work: () => Promise<T> | T): Promise<T> {
    await this.pass();
    const result = await work();
    await this.pass();
    return result;
  }
}

/** What is outside of the agent's process and outlives it. */
export class World {
  readonly directory = makeFolder("jobs-");
  /** Effects in their order; a step that finds its own has no other. */
  readonly effects: string[] = [];
  /** Every run of every step. */
  readonly runs: string[] = [];
  /** What the hub has stored, by job. */
  readonly reports = new Map<string, ActionReport>();
  readonly frames: UplinkRequest[] = [];
  /** How steps end, by `<job>/<step>`; they succeed otherwise. */
  readonly outcomes = new Map<string, StepOutcome>();
  /** Steps that restart the agent once, by name. */
  readonly restarting = new Set<string>();
  lives = 0;

  /** The disk is thrown away. */
  end(): void {
    rmSync(this.directory, { recursive: true });
  }

  effect(name: string): void {
    if (!this.effects.includes(name)) this.effects.push(name);
  }
}

export interface Life {
  readonly jobs: Jobs;
  readonly store: OpenStore;
  readonly clock: FakeClock;
  readonly log: FakeLog;
  readonly registry: Registry;
  readonly uplink: FakeUplink;
  readonly fate: Fate;
  /** Kinds of jobs whose steps are running, at most so many at once. */
  readonly mostAtOnce: () => number;
  hasRestarted(): boolean;
  end(): Promise<void>;
}

export interface FakeUplink extends Uplink {
  connect(isConnected: boolean): void;
  isNegotiated: boolean;
  /** Answers every request; default OK. */
  answer: (request: UplinkRequest) => Pick<Frame["route"], "operation"> & { content: unknown };
}

export interface LifeOptions {
  readonly fate?: Fate;
  readonly connected?: boolean;
  readonly faults?: (kind: JobKind, spec: unknown) => readonly string[];
  readonly checkItems?: JobsDeps["checkItems"];
  readonly options?: JobsDeps["options"];
  readonly runners?: readonly StepRunner[];
}

/** One process of the agent: opens the store from disk; everything that it awaits may be its end. */
export function live(world: World, how: LifeOptions = {}): Life {
  const fate = how.fate ?? new Fate();
  const store = open(world.directory);
  const [clock, log, registry] = [fakeClock(), fakeLog(), new Registry()];
  const uplink = fakeUplink(world, fate, how.connected ?? true);
  const life = ++world.lives;
  let hasRestarted = false;
  let [changing, most] = [0, 0];
  const busy = (change: number): void => {
    changing += change;
    most = Math.max(most, changing);
  };
  const jobs = createJobs({
    node: NODE,
    store: store.desired,
    records: dying(store.records, fate),
    uplink,
    isNegotiated: () => uplink.isNegotiated,
    runners:
      how.runners ?? KINDS.map((kind) => fakeRunner({ kind, world, fate, life, busy, faults: how.faults })),
    checkItems: how.checkItems ?? (() => Promise.resolve([])),
    restart: () => (hasRestarted = true),
    ...{ clock, log, registry },
    random: () => 0.5,
    ...(how.options && { options: how.options }),
  });
  return {
    ...{ jobs, store, clock, log, registry, uplink, fate },
    mostAtOnce: () => most,
    hasRestarted: () => hasRestarted,
    end: async () => {
      if (!fate.isDead) await jobs.stop();
      store.close();
    },
  };
}

export const KINDS: readonly JobKind[] = ["NodeUpgradeJob", "ImagePrePullJob", "ConfigUpdateJob"];

function dying(records: RecordStore, fate: Fate): RecordStore {
  return {
    get: (bucket, key) => records.get(bucket, key),
    list: (bucket) => records.list(bucket),
    put: (bucket, key, value) => fate.around(() => records.put(bucket, key, value)),
    delete: (bucket, key) => fate.around(() => records.delete(bucket, key)),
  };
}

interface RunnerParts {
  readonly kind: JobKind;
  readonly world: World;
  readonly fate: Fate;
  readonly life: number;
  readonly busy: (change: number) => void;
  readonly faults?: LifeOptions["faults"];
}

function fakeRunner({ kind, world, fate, life, busy, faults }: RunnerParts): StepRunner {
  const changesAgent = kind !== "ImagePrePullJob";
  const perform = async (step: string, context: StepContext): Promise<StepOutcome> => {
    const { name, attempt, spec } = context.order;
    world.runs.push(`${name}/${attempt}/${step}`);
    await fate.pass();
    world.effect(`${name}/${attempt}/${step}`);
    await fate.pass();
    if (world.restarting.has(step) && (await isFirstLife(step, life, context))) return { wait: "restart" };
    const waits = (spec as { requireConfirmation?: boolean } | null)?.requireConfirmation === true;
    if (step === "WaitingConfirmation" && waits) return { ok: true, wait: "confirmation" };
    return world.outcomes.get(`${name}/${step}`) ?? { ok: true };
  };
  return {
    kind,
    changesAgent,
    faults: (spec) => faults?.(kind, spec) ?? [],
    run: async (step, context) => {
      if (changesAgent) busy(1);
      try {
        return await perform(step, context);
      } finally {
        if (changesAgent) busy(-1);
      }
    },
  };
}

/** A step that needs a restart is done by the life after the one that had the effect. */
async function isFirstLife(step: string, life: number, context: StepContext): Promise<boolean> {
  const note = context.note() as { step: string; life: number } | undefined;
  if (note?.step === step) return note.life === life;
  await context.keep({ step, life });
  return true;
}

function fakeUplink(world: World, fate: Fate, connected: boolean): FakeUplink {
  const listeners = new Set<(isConnected: boolean) => void>();
  let isConnected = connected;
  const keep = (request: UplinkRequest): void => {
    if (!isConnected) throw new TunnelError("OFFLINE", "not connected to the hub");
    world.frames.push(request);
  };
  const uplink: FakeUplink = {
    isNegotiated: true,
    answer: () => ({ operation: "response", content: "OK" }),
    isConnected: () => isConnected,
    onState: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    connect: (now) => {
      isConnected = now;
      for (const listener of listeners) listener(now);
    },
    send: keep,
    request: (request) =>
      fate.around(() => {
        keep(request);
        const { operation, content } = uplink.answer(request);
        if (operation === "response") {
          const [, , , job = ""] = request.resource.split("/");
          world.reports.set(job, request.content as ActionReport);
        }
        return { header: { msg_id: "r", timestamp: 0 }, route: { operation: operation ?? "" }, content };
      }),
  };
  return uplink;
}

/** Lets the process live until `condition` holds, it dies or it ends by itself; time passes meanwhile. */
export async function liveUntil(life: Life, condition: () => boolean, turns = 2_000): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    if (life.fate.isDead || life.hasRestarted() || condition()) return;
    await new Promise((resolve) => setImmediate(resolve));
    life.clock.advance(500);
  }
  throw new Error(`never came; runs: ${life.log.lines.slice(-12).join(" | ")}`);
}

/** Lets everything happen that can without anything from outside. */
export async function settle(life: Life): Promise<void> {
  for (let turn = 0; turn < 40; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    life.clock.advance(500);
  }
}

export const stepsOf = (report: ActionReport | undefined): string =>
  (report?.actions ?? []).map(({ action, status }) => `${action}=${status}`).join(" ");

/** A promise that the test settles. */
export function gate<T>(): { readonly promise: Promise<T>; open(value: T): void } {
  let open: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => (open = resolve));
  return { promise, open: (value) => open(value) };
}
