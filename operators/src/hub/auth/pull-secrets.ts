// SPDX-License-Identifier: Apache-2.0
import { kinds } from "@longshore/crds/kinds";
import type { Client, KubeObject } from "../../runtime/client.ts";
import { pause, type Clock } from "../../runtime/clock.ts";
import { isNotFound } from "../../runtime/errors.ts";

export interface PullSecretsDeps {
  readonly client: Pick<Client, "list">;
  readonly clock: Clock;
  /** Between two LISTs of all ImagePrePullJobs, whoever asks. Default 2 s. */
  readonly minRelistMs?: number;
  readonly signal?: AbortSignal;
}

/** Which nodes pull images now, and with which Secret. One for all sessions of a hub. */
export interface PullSecrets {
  /**
   * Does a job that this node works on name the Secret? What was known a moment ago may be too old for a job that has
   * just begun, so a miss waits for the next LIST.
   *
   * @throws {ApiError}
   */
  allows(node: string, namespace: string, name: string): Promise<boolean>;
}

interface PullJob extends KubeObject {
  readonly spec?: { readonly imagePrePullTemplate?: { readonly imageSecrets?: string } };
  readonly status?: {
    readonly nodeStatus?: readonly { readonly nodeName?: string; readonly phase?: string }[];
  };
}

/** Nodes at work, by `namespace/name` of the Secret. */
type AtWork = ReadonlyMap<string, ReadonlySet<string>>;

export const createPullSecrets = (deps: PullSecretsDeps): PullSecrets => new SharedList(deps);

class SharedList implements PullSecrets {
  readonly #deps: PullSecretsDeps;
  #atWork: AtWork = new Map();
  #listedAtMs = -Infinity;
  #next: Promise<void> | undefined;

  constructor(deps: PullSecretsDeps) {
    this.#deps = deps;
  }

  async allows(node: string, namespace: string, name: string): Promise<boolean> {
    const secret = `${namespace}/${name}`;
    if (this.#ageMs() < this.#minRelistMs() && this.#holds(secret, node)) return true;
    this.#next ??= this.#relist().finally(() => (this.#next = undefined));
    await this.#next;
    return this.#holds(secret, node);
  }

  #holds(secret: string, node: string): boolean {
    return this.#atWork.get(secret)?.has(node) ?? false;
  }

  #minRelistMs(): number {
    return this.#deps.minRelistMs ?? 2_000;
  }

  #ageMs(): number {
    return this.#deps.clock.nowMs() - this.#listedAtMs;
  }

  async #relist(): Promise<void> {
    const { clock, signal = new AbortController().signal } = this.#deps;
    const waitMs = this.#minRelistMs() - this.#ageMs();
    if (waitMs > 0) await pause(clock, waitMs, signal);
    const atMs = clock.nowMs();
    this.#atWork = await this.#list();
    this.#listedAtMs = atMs;
  }

  async #list(): Promise<AtWork> {
    try {
      const jobs = await this.#deps.client.list<PullJob>(kinds.ImagePrePullJob, { resourceVersion: "0" });
      return atWorkOf(jobs.items);
    } catch (error) {
      if (isNotFound(error)) return new Map(); // a cluster without jobs
      throw error;
    }
  }
}

function atWorkOf(jobs: readonly PullJob[]): AtWork {
  const atWork = new Map<string, Set<string>>();
  for (const job of jobs) {
    const secret = job.spec?.imagePrePullTemplate?.imageSecrets ?? "";
    if (secret === "") continue;
    const nodes = atWork.get(secret) ?? new Set<string>();
    for (const node of nodesOf(job)) nodes.add(node);
    atWork.set(secret, nodes);
  }
  return atWork;
}

const nodesOf = ({ status }: PullJob): string[] =>
  (status?.nodeStatus ?? []).flatMap(({ nodeName, phase }) =>
    phase === "InProgress" ? (nodeName ?? []) : [],
  );
