// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { attemptOf, formatTaskResource, REPORT_OPERATION } from "@longshore/crds/tasks";
import { parseResource, type Frame } from "@longshore/crds/wire";
import type { Mailbox, Owner, Want } from "../../../../src/delivery/index.ts";
import type { UplinkHandler, UplinkSession } from "../../../../src/hub/uplink/index.ts";
import { isNotFound, silentLog, type Client } from "../../../../src/runtime/index.ts";
import { ackOf, NEW_EDGE } from "../../../delivery/fixture.ts";
import { JOBS, type Shown, type Told } from "../bench.ts";

const NOTHING: ReadonlySet<string> = new Set();
const RESCAN_MS = 50;
const AGAIN_MS = 10;

export interface SiteDeps {
  readonly client: Client;
  readonly mailbox: Mailbox;
  readonly handler: UplinkHandler;
  /** What a node tells, one after another, of a task that it was ordered. */
  readonly work: (task: { node: string; job: string; attempt: number }) => readonly Told[];
}

/**
 * Edges as strict as a plain EdgeCore: each order that is delivered is carried out, whether it was before or not. It
 * is acked first. What they tell goes through the hub's own handler until that has stored it.
 */
export class Site {
  /** Each execution, as `job node attempt`. */
  readonly effects: string[] = [];
  /** Orders that nodes have, as `job node`. */
  readonly held = new Set<string>();
  readonly #deps: SiteDeps;
  readonly #owners = new Map<string, Owner>();
  readonly #turns = new Map<string, Promise<void>>();
  readonly #telling = new Set<Promise<void>>();
  readonly #ended = new AbortController();

  constructor(deps: SiteDeps) {
    this.#deps = deps;
  }

  async connect(node: string): Promise<void> {
    if (this.#owners.has(node)) return;
    const { owner } = await this.#deps.mailbox.fence(node, randomUUID(), NEW_EDGE);
    this.#owners.set(node, owner);
    await this.look(node);
  }

  isConnected(node: string): boolean {
    return this.#owners.has(node);
  }

  /** Takes what is in its mailbox; one look at a time. */
  look(node: string): Promise<void> {
    const turn = (this.#turns.get(node) ?? Promise.resolve()).then(() => this.#take(node));
    this.#turns.set(node, turn);
    return turn;
  }

  /** As hubs do it, for wakes that were lost. @returns when it has failed or ended */
  async rescan(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      for (const node of this.#owners.keys()) await this.look(node);
      await sleep(RESCAN_MS);
    }
  }

  /** Nothing is wanted of any node, and all that they had to tell was heard. */
  async isQuiet(nodes: readonly string[]): Promise<boolean> {
    for (const node of nodes) {
      await this.connect(node);
      const owner = this.#owners.get(node) as Owner;
      const { total, placementPending } = await this.#deps.mailbox.take(node, owner, 0, NOTHING);
      if (total > 0 || placementPending) return false;
    }
    return this.#telling.size === 0;
  }

  async end(): Promise<void> {
    this.#ended.abort();
    await Promise.all([...this.#turns.values(), ...this.#telling]);
  }

  async #take(node: string): Promise<void> {
    const owner = this.#owners.get(node);
    if (owner === undefined || this.#ended.signal.aborted) return;
    const { mailbox } = this.#deps;
    const { wants } = await mailbox.take(node, owner, 100, NOTHING);
    await mailbox.ack(node, owner, wants.map(ackOf));
    for (const want of wants) await this.#obey(node, want);
  }

  async #obey(node: string, { op, name, uid }: Want): Promise<void> {
    if (op === "del") {
      this.held.delete(`${name} ${node}`);
      return;
    }
    this.held.add(`${name} ${node}`);
    const job = await this.#read(name);
    if (job === undefined || job.metadata.uid !== uid) return; // a hub finds nothing to send either
    const attempt = attemptOf(job.metadata.annotations);
    this.effects.push(`${name} ${node} ${attempt}`);
    const telling = this.#tell(job, node, attempt).finally(() => this.#telling.delete(telling));
    this.#telling.add(telling);
  }

  async #read(name: string): Promise<Shown | undefined> {
    try {
      return await this.#deps.client.get<Shown>(JOBS.NodeUpgradeJob, { name });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #tell(job: Shown, node: string, attempt: number): Promise<void> {
    const address = { dialect: "v1alpha2", kind: "NodeUpgradeJob", job: job.metadata.name, node } as const;
    const resource = formatTaskResource(address);
    for (const { actions, more } of this.#deps.work({ node, job: job.metadata.name, attempt })) {
      const content = { uid: job.metadata.uid, attempt, ...contentOf(actions), ...more };
      while (!(await this.#isHeard(node, resource, content))) await sleep(AGAIN_MS);
    }
  }

  /** Stored, or never to be. */
  async #isHeard(node: string, resource: string, content: object): Promise<boolean> {
    if (this.#ended.signal.aborted) return true;
    const route = { source: "websocket", group: "hub", operation: REPORT_OPERATION, resource };
    const frame = { header: { msg_id: randomUUID(), timestamp: Date.now() }, route, content };
    const answer = await new Promise<Frame>((resolve) => {
      const session = sessionOf(node, { send: resolve, signal: this.#ended.signal });
      void this.#deps.handler.handle(frame, parseResource(resource), session);
      this.#ended.signal.addEventListener("abort", () => resolve(frame), { once: true });
    });
    return answer.content === "OK" || /^(NotFound|Conflict)/.test(String(answer.content));
  }
}

const sessionOf = (node: string, line: Pick<UplinkSession, "send" | "signal">): UplinkSession => ({
  ...{ node, connection: "c", negotiated: true, log: silentLog, ...line },
  grants: { allows: none, pod: none, podSent: () => undefined, podGone: () => undefined } as never,
  pushNode: () => undefined,
  reinstalled: () => Promise.resolve(),
});
const none = (): Promise<undefined> => Promise.resolve(undefined);

function contentOf(actions: Told["actions"]): object {
  const time = new Date().toISOString();
  const told = actions.map(([action, isWell, reason = ""]) => ({
    ...{ action, status: isWell ? "True" : "False", reason, time },
  }));
  const last = actions.at(-1);
  const step = { action: last?.[0] ?? "", succ: last?.[1] ?? true, finishTime: time, reason: "", extend: "" };
  return { ...step, actions: told };
}
