// SPDX-License-Identifier: Apache-2.0
import { kinds } from "@longshore/crds/kinds";
import { OLD_ORDER_KIND, ORDER_KIND } from "@longshore/crds/tasks";
import { LRUCache } from "lru-cache";
import type { Mailbox } from "../../delivery/mailbox.ts";
import type { Client, KubeObject } from "../../runtime/client.ts";
import { pause, type Clock } from "../../runtime/clock.ts";
import { isNotFound } from "../../runtime/errors.ts";

export interface PullSecretsDeps {
  readonly client: Pick<Client, "get">;
  readonly mailbox: Pick<Mailbox, "names">;
  readonly clock: Clock;
  /** Between two reads of one ImagePrePullJob, whoever asks. Default 2 s. */
  readonly minReadMs?: number;
  /** Jobs of one node that are looked at; an agent may claim to hold any number. Default 128. */
  readonly maxJobsPerNode?: number;
  readonly signal?: AbortSignal;
}

/** Which nodes pull images now, and with which Secret. One for all sessions of a hub. */
export interface PullSecrets {
  /**
   * Does a job that this node works on name the Secret? Delivery tells which jobs to look at, for there may be many
   * and long ones; the jobs themselves decide. What was known a moment ago may be too old for a node that has just
   * begun, so where the job names the Secret a miss waits for its next read.
   *
   * @throws {ApiError}; {DeliveryError} UNAVAILABLE
   */
  allows(node: string, namespace: string, name: string): Promise<boolean>;
}

interface PullJob extends KubeObject {
  readonly spec?: { readonly imagePrePullTemplate?: { readonly imageSecrets?: string } };
  readonly status?: {
    readonly nodeStatus?: readonly { readonly nodeName?: string; readonly phase?: string }[];
  };
}

/** What is kept of a job. */
interface Pull {
  /** `namespace/name`; "" for none */
  readonly secret: string;
  readonly atWork: ReadonlySet<string>;
  readonly readAtMs: number;
}

const ORDERS: ReadonlySet<string> = new Set([ORDER_KIND.ImagePrePullJob, OLD_ORDER_KIND.ImagePrePullJob]);
const MAX_JOBS = 1_000;

export const createPullSecrets = (deps: PullSecretsDeps): PullSecrets => new SharedJobs(deps);

class SharedJobs implements PullSecrets {
  readonly #deps: PullSecretsDeps;
  readonly #pulls = new LRUCache<string, Pull>({ max: MAX_JOBS });
  readonly #reads = new Map<string, Promise<Pull>>();

  constructor(deps: PullSecretsDeps) {
    this.#deps = deps;
  }

  async allows(node: string, namespace: string, name: string): Promise<boolean> {
    const secret = `${namespace}/${name}`;
    const { mailbox, maxJobsPerNode = 128 } = this.#deps;
    const jobs = await mailbox.names(node, "job", ORDERS);
    for (const job of jobs.slice(0, maxJobsPerNode)) if (await this.#grants(job, secret, node)) return true;
    return false;
  }

  async #grants(job: string, secret: string, node: string): Promise<boolean> {
    const askedAtMs = this.#deps.clock.nowMs();
    const known = this.#pulls.get(job);
    let pull = known !== undefined && this.#ageMs(known) < this.#minReadMs() ? known : undefined;
    for (;;) {
      pull ??= await this.#next(job);
      if (pull.secret !== secret) return false;
      if (pull.atWork.has(node)) return true;
      if (pull.readAtMs >= askedAtMs) return false;
      pull = undefined;
    }
  }

  #next(job: string): Promise<Pull> {
    const running = this.#reads.get(job);
    if (running !== undefined) return running;
    const read = this.#read(job).finally(() => this.#reads.delete(job));
    this.#reads.set(job, read);
    return read;
  }

  async #read(job: string): Promise<Pull> {
    const known = this.#pulls.get(job);
    const { clock, signal = new AbortController().signal } = this.#deps;
    const waitMs = known === undefined ? 0 : this.#minReadMs() - this.#ageMs(known);
    if (waitMs > 0) await pause(clock, waitMs, signal);
    const readAtMs = clock.nowMs();
    const pull = { ...(await this.#get(job)), readAtMs };
    this.#pulls.set(job, pull);
    return pull;
  }

  async #get(name: string): Promise<Omit<Pull, "readAtMs">> {
    try {
      return pullOf(await this.#deps.client.get<PullJob>(kinds.ImagePrePullJob, { name }));
    } catch (error) {
      if (isNotFound(error)) return { secret: "", atWork: new Set() };
      throw error;
    }
  }

  #minReadMs(): number {
    return this.#deps.minReadMs ?? 2_000;
  }

  #ageMs({ readAtMs }: Pull): number {
    return this.#deps.clock.nowMs() - readAtMs;
  }
}

const pullOf = ({ spec, status }: PullJob): Omit<Pull, "readAtMs"> => ({
  secret: spec?.imagePrePullTemplate?.imageSecrets ?? "",
  atWork: new Set(
    (status?.nodeStatus ?? []).flatMap(({ nodeName, phase }) =>
      phase === "InProgress" ? (nodeName ?? []) : [],
    ),
  ),
});
