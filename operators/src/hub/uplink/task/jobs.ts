// SPDX-License-Identifier: Apache-2.0
import { kinds } from "@longshore/crds/kinds";
import { attemptOf, type JobKind } from "@longshore/crds/tasks";
import { LRUCache } from "lru-cache";
import type { Client } from "../../../runtime/client.ts";
import { isNotFound } from "../../../runtime/errors.ts";
import type { JobFacts } from "./fold.ts";

export interface JobsOptions {
  /** What was read of a job counts for so long. */
  readonly maxAgeMs: number;
  /**
   * And for so long where a report says neither which job nor which attempt it is about: an edge may answer the order
   * of a new attempt at once.
   */
  readonly maxUnsaidAgeMs: number;
  /** A job that is not the one that an edge means is looked up again, at most so often. */
  readonly minAgeMs: number;
  readonly maxJobs: number;
}

export const defaultJobsOptions: JobsOptions = {
  maxAgeMs: 3_000,
  maxUnsaidAgeMs: 200,
  minAgeMs: 1_000,
  maxJobs: 1_000,
};

interface Known {
  /** undefined: there is no such job */
  readonly facts: JobFacts | undefined;
  readonly atMs: number;
}

/** Metadata of jobs, for thousands of reports of one job: read once for all, and kept for seconds. */
export class Jobs {
  readonly #client: Pick<Client, "get">;
  readonly #clock: { nowMs(): number };
  readonly #options: JobsOptions;
  readonly #known: LRUCache<string, Known>;
  readonly #flights = new Map<string, Promise<Known>>();

  constructor(client: Pick<Client, "get">, clock: { nowMs(): number }, options: JobsOptions) {
    this.#client = client;
    this.#clock = clock;
    this.#options = options;
    this.#known = new LRUCache({ max: options.maxJobs });
  }

  /**
   * @param uid of the job that is meant, where that is known
   * @returns undefined when there is no such job
   * @throws {ApiError}
   */
  async find(kind: JobKind, name: string, uid?: string): Promise<JobFacts | undefined> {
    const key = `${kind}/${name}`;
    const known = this.#known.get(key);
    const isRecent = known !== undefined && this.#clock.nowMs() - known.atMs < this.#ageFor(known, uid);
    return (isRecent ? known : await this.#lookUp(kind, name)).facts;
  }

  #ageFor({ facts }: Known, uid: string | undefined): number {
    const { maxAgeMs, maxUnsaidAgeMs, minAgeMs } = this.#options;
    if (facts === undefined) return minAgeMs;
    if (uid === undefined) return maxUnsaidAgeMs;
    return facts.uid === uid ? maxAgeMs : minAgeMs;
  }

  #lookUp(kind: JobKind, name: string): Promise<Known> {
    const key = `${kind}/${name}`;
    const running = this.#flights.get(key);
    if (running !== undefined) return running;
    const flight = this.#read(kind, name)
      .then((known) => {
        this.#known.set(key, known);
        return known;
      })
      .finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return flight;
  }

  async #read(kind: JobKind, name: string): Promise<Known> {
    const atMs = this.#clock.nowMs();
    try {
      const { metadata } = await this.#client.get(kinds[kind], { name }, { metadataOnly: true });
      return { facts: { uid: metadata.uid, attempt: attemptOf(metadata.annotations) }, atMs };
    } catch (error) {
      if (isNotFound(error)) return { facts: undefined, atMs };
      throw error;
    }
  }
}
