// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import { ATTEMPT_ANNOTATION, type NodeTaskReport } from "@longshore/crds/tasks";
import { expect } from "@jest/globals";
import type { JobStatus, Task } from "../../../../src/node-job/index.ts";
import { isNotFound, type KubeObject } from "../../../../src/runtime/index.ts";
import { createFakeClock } from "../../../runtime/fake-clock.ts";
import { NODES } from "../../../runtime/kinds.ts";
import { JOBS, nodeOf, REPORTS } from "../bench.ts";
import { running, upgrade } from "../specs.ts";
import { Life, type Cut } from "./life.ts";
import type { Parts } from "./rig.ts";
import type { Site, SiteDeps } from "./site.ts";

const CONCURRENCY = 2;
/** Far more than a run takes: only a leap reaches it. */
export const TIMEOUT_MS = 3_600_000;
/** The managers' clocks run fifty times as fast: nothing of theirs is worth waiting for. */
const [TURN_MS, TURN_OF_THEIRS_MS] = [4, 200];
const PATIENCE_MS = 30_000;

/** What happens in one world, and what it has led to in the end, whatever was cut. */
export interface Scenario {
  readonly name: string;
  readonly work: SiteDeps["work"];
  play(world: World): Promise<void>;
  /** Each execution; a job that is deleted may have had fewer. */
  readonly effects: readonly string[];
  readonly mayLack?: boolean;
}

export interface Played {
  /** All calls of the first manager. */
  readonly calls: readonly string[];
  /** The calls that were cut. */
  readonly cuts: readonly string[];
}

export interface Running {
  stop(): Promise<void>;
}

/** Three nodes, their jobs, and one manager after another. */
export class World {
  readonly site: Site;
  readonly clock = createFakeClock(Date.now());
  readonly #parts: Parts;
  readonly #id: string;
  readonly #nodes: string[] = [];
  readonly #jobs: string[] = [];
  readonly #lives: Life[] = [];

  constructor(parts: Parts, site: Site, id: string) {
    this.#parts = parts;
    this.site = site;
    this.#id = id;
  }

  async run(
    scenario: Scenario,
    cuts: readonly Cut[],
    start: (life: Life) => Promise<Running>,
  ): Promise<Played> {
    const pump = setInterval(() => this.clock.advance(TURN_OF_THEIRS_MS), TURN_MS);
    const played = this.#play(scenario).then(() => "played" as const);
    void this.site.rescan();
    try {
      for (let at = 0; ; at++) {
        const life = new Life(cuts[at], (object) => this.#isOurs(object));
        this.#lives.push(life);
        const manager = await start(life);
        const how = await Promise.race([played, life.died]).finally(() => manager.stop());
        if (how === "played") break;
      }
    } catch (error) {
      throw new Error(`${scenario.name}, cut ${this.#cutsText(cuts)}: ${String(error)}`, { cause: error });
    } finally {
      await this.site.end();
      await this.#clear();
      clearInterval(pump);
    }
    return {
      calls: this.#lives[0]?.calls ?? [],
      cuts: this.#lives.flatMap(({ lastCall }) => lastCall ?? []),
    };
  }

  /** Nodes that are Ready, or not; named as the scenario names them. */
  async addNodes(names: readonly string[], ready: "True" | "Unknown" = "True"): Promise<void> {
    for (const name of names.map((short) => this.#long(short))) {
      this.#nodes.push(name);
      await this.#parts.client.create(NODES, nodeOf(name, { version: "v1.23.0", ready, labels: {} }));
    }
  }

  async connect(...names: readonly string[]): Promise<void> {
    for (const name of names) await this.site.connect(this.#long(name));
  }

  async create(name: string, nodes: readonly string[], metadata: object = {}): Promise<void> {
    this.#jobs.push(this.#long(name));
    const named = nodes.map((node) => this.#long(node));
    const limits = { concurrency: CONCURRENCY, failureTolerate: "0.4", timeoutSeconds: TIMEOUT_MS / 1_000 };
    const spec = upgrade(named, limits);
    await this.#parts.client.create(JOBS.NodeUpgradeJob, {
      metadata: { name: this.#long(name), ...metadata },
      spec,
    });
  }

  async retry(name: string, attempt: number): Promise<void> {
    const body = { metadata: { annotations: { [ATTEMPT_ANNOTATION]: String(attempt) } } };
    await this.#parts.client.patch(JOBS.NodeUpgradeJob, { name: this.#long(name) }, { type: "merge", body });
  }

  delete(name: string): Promise<void> {
    return this.#parts.client.delete(JOBS.NodeUpgradeJob, { name: this.#long(name) });
  }

  isDeleted(name: string): boolean {
    return this.#parts.history.deleted.has(this.#long(name));
  }

  statuses(name: string): readonly JobStatus[] {
    return this.#parts.history.statuses.get(this.#long(name)) ?? [];
  }

  status(name: string): JobStatus | undefined {
    return this.statuses(name).at(-1);
  }

  task(job: string, node: string, status = this.status(job)): Task | undefined {
    return status?.nodeStatus?.find(({ nodeName }) => nodeName === this.#long(node));
  }

  /** Phases of a job and its nodes. */
  phases(job: string): string {
    const { phase = "", nodeStatus = [] } = this.status(job) ?? {};
    return [phase, ...nodeStatus.map((task) => `${this.#short(task.nodeName)}=${task.phase}`)].join(" ");
  }

  /** Some manager has put an order for it into its mailbox. */
  wasOrdered(node: string): boolean {
    return this.#lives.some(({ ordered }) => ordered.has(this.#long(node)));
  }

  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const endsAtMs = performance.now() + PATIENCE_MS;
    while (!(await holds())) {
      if (performance.now() > endsAtMs) throw new Error(`never: ${what}; ${this.#text()}`);
      await sleep(TURN_MS);
    }
  }

  async #play(scenario: Scenario): Promise<void> {
    await scenario.play(this);
    const isOver = async (): Promise<boolean> =>
      (await this.site.isQuiet(this.#nodes)) && this.site.held.size === 0 && (await this.#reports()) === 0;
    await this.until("all orders are withdrawn, and no report is left", isOver);
    const effects = this.site.effects.map((effect) => this.#short(effect)).sort();
    const wanted = scenario.mayLack
      ? scenario.effects.filter((one) => effects.includes(one))
      : scenario.effects;
    expect(effects).toEqual([...wanted].sort());
    const most = this.#jobs.flatMap((job) => (this.#parts.history.statuses.get(job) ?? []).map(running));
    expect(Math.max(0, ...most)).toBeLessThanOrEqual(CONCURRENCY);
  }

  async #reports(): Promise<number> {
    const { items } = await this.#parts.client.list(REPORTS);
    return items.filter((item) => this.#isOurs(item)).length;
  }

  async #clear(): Promise<void> {
    const { client } = this.#parts;
    const gone = (error: unknown): void => {
      if (!isNotFound(error)) throw error;
    };
    for (const name of this.#nodes) await client.delete(NODES, { name }).catch(gone);
    for (const name of this.#jobs) await client.delete(JOBS.NodeUpgradeJob, { name }).catch(gone);
  }

  #isOurs(object: KubeObject): boolean {
    const { report } = object as Partial<NodeTaskReport>;
    return (report?.jobName ?? object.metadata.name).startsWith(`${this.#id}-`);
  }

  #long(name: string): string {
    return `${this.#id}-${name}`;
  }

  #short(text: string): string {
    return text.replaceAll(`${this.#id}-`, "");
  }

  #cutsText(cuts: readonly Cut[]): string {
    const one = (cut: Cut, at: number): string =>
      `at call ${cut.nth} (${this.#lives[at]?.lastCall ?? cut.call ?? "any"}), ${cut.happens ? "which happens" : "which does not happen"}`;
    return cuts.length === 0 ? "nowhere" : cuts.map(one).join(", then ");
  }

  #text(): string {
    const jobs = this.#jobs.map((job) => this.#short(job)).map((job) => `${job}: ${this.phases(job)}`);
    return [...jobs, ...this.site.effects.map((effect) => this.#short(effect))].join("; ");
  }
}
