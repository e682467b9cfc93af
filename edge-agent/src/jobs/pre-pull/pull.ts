// SPDX-License-Identifier: Apache-2.0
import type { NodeTaskReportImage } from "@longshore/crds/tasks";
import type { Clock } from "../../clock.ts";
import type { Cri } from "../../cri/index.ts";
import { holdsLogins, loginsFor, pullImage, type Login, type LoginSecret } from "../../images/index.ts";
import type { AgentLog } from "../../log.ts";
import type { StepContext, StepOutcome } from "../port.ts";
import { lackOfRoom, type FreeShare } from "./room.ts";
import { SecretError, type AskSecret } from "./secret.ts";
import type { PrePull } from "./template.ts";
import { withTries, type TryDeps, type TryOptions } from "./tries.ts";
import { failureOf, progressOf, reasonOf } from "./words.ts";

/** The part of the runtime that has the images. */
export type ImageService = Pick<Cri, "imageStatus" | "pullImage" | "imageFsInfo">;

/** Bounds of a pull. */
export interface PullOptions {
  /** Images at a time; 2 */
  readonly parallel: number;
  /** Pause after the first failure of an image; KubeEdge's 500 ms. It doubles. */
  readonly retryBaseMs: number;
  readonly retryCapMs: number;
  /** Times that the cloud is asked for the Secret; 5, for a node may just have lost its hub */
  readonly secretTries: number;
  /** Share of the images' disk that must be free before each pull; 0.05 */
  readonly minFreeShare: number;
}

export const PULL_OPTIONS: PullOptions = {
  parallel: 2,
  retryBaseMs: 500,
  retryCapMs: 30_000,
  secretTries: 5,
  minFreeShare: 0.05,
};

/** What pulling needs of the agent. */
export interface PullDeps {
  /** Undefined while there is no runtime. */
  readonly images: () => ImageService | undefined;
  readonly secret: AskSecret;
  readonly freeShare: FreeShare;
  readonly clock: Pick<Clock, "schedule">;
  readonly random: () => number;
  readonly log: AgentLog;
  readonly options: PullOptions;
}

/** What an earlier run left: places of images that were pulled. */
interface Note {
  readonly pulled: readonly number[];
}

/**
 * Pulls all images of a job, some at a time; those that an earlier run has pulled are left alone.
 *
 * @throws the signal's reason when the agent stops meanwhile: the step is then run again
 */
export async function pullAll(job: PrePull, context: StepContext, deps: PullDeps): Promise<StepOutcome> {
  const round = new Round(job, context, deps);
  const workers = Array.from({ length: Math.max(1, deps.options.parallel) }, () => round.work());
  const ends = await Promise.allSettled(workers);
  context.signal.throwIfAborted();
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  const images = round.results();
  const reason = failureOf(images);
  return reason === undefined ? { ok: true, images } : { ok: false, reason, images };
}

class Round {
  readonly #job: PrePull;
  readonly #context: StepContext;
  readonly #deps: PullDeps;
  readonly #pulled: Set<number>;
  readonly #failed = new Map<number, string>();
  readonly #pulling = new Set<number>();
  #next = 0;
  #secrets: Promise<readonly LoginSecret[]> | undefined;

  constructor(job: PrePull, context: StepContext, deps: PullDeps) {
    this.#job = job;
    this.#context = context;
    this.#deps = deps;
    this.#pulled = new Set((context.note() as Note | undefined)?.pulled);
  }

  /** Takes one image after the other. @throws {StoreError}; the signal's reason */
  async work(): Promise<void> {
    while (this.#next < this.#job.images.length) {
      const index = this.#next++;
      if (this.#pulled.has(index)) continue;
      this.#pulling.add(index);
      this.#tell();
      const reason = await this.#bring(this.#job.images[index] ?? "");
      this.#pulling.delete(index);
      await this.#end(index, reason);
      this.#tell();
    }
  }

  results(): readonly NodeTaskReportImage[] {
    return this.#job.images.map((image, index) => {
      if (this.#pulled.has(index)) return { image, status: "True" };
      return { image, status: "False", reason: this.#failed.get(index) ?? "not pulled" };
    });
  }

  async #end(index: number, reason: string | undefined): Promise<void> {
    if (reason !== undefined) {
      this.#failed.set(index, reason);
      return;
    }
    this.#pulled.add(index);
    await this.#context.keep({ pulled: [...this.#pulled] } satisfies Note);
  }

  /** @returns why the image is not there */
  async #bring(image: string): Promise<string | undefined> {
    const { log, options } = this.#deps;
    let logins: readonly Login[] = [];
    const attempt = async (): Promise<void> => {
      const runtime = this.#deps.images();
      if (runtime === undefined) throw new Error("there is no container runtime");
      if (await isThere(runtime, image)) return;
      const lack = await lackOfRoom(runtime, options.minFreeShare, this.#deps.freeShare);
      if (lack !== undefined) throw new Error(lack);
      logins = loginsFor(image, await this.#logins());
      await pullImage(runtime, image, logins, this.#context.signal);
    };
    const tries: TryOptions = {
      tries: this.#job.tries,
      baseMs: options.retryBaseMs,
      capMs: options.retryCapMs,
    };
    try {
      await withTries(attempt, tries, this.#tryDeps(), (error) => error instanceof SecretError);
      log.info({ image }, "image of a job is there");
      return undefined;
    } catch (error) {
      this.#context.signal.throwIfAborted();
      const reason = reasonOf(error, logins);
      log.warn({ image, reason }, "image of a job not pulled");
      return reason;
    }
  }

  /** Asked for once, and only when an image has to be pulled. @throws {SecretError} */
  #logins(): Promise<readonly LoginSecret[]> {
    this.#secrets ??= this.#askLogins();
    return this.#secrets;
  }

  async #askLogins(): Promise<readonly LoginSecret[]> {
    const { secret } = this.#job;
    if (secret === undefined) return [];
    const { secretTries, retryBaseMs, retryCapMs } = this.#deps.options;
    const found = await withTries(
      () => this.#deps.secret(secret, this.#context.signal),
      { tries: secretTries, baseMs: 2 * retryBaseMs, capMs: retryCapMs },
      this.#tryDeps(),
      (error) => error instanceof SecretError && !error.retryable,
    );
    const name = `Secret ${secret.namespace}/${secret.name}`;
    if (!holdsLogins(found))
      throw new SecretError("NOT_FOUND", `${name} holds no logins: give .dockerconfigjson with auths`);
    return [found];
  }

  #tryDeps(): TryDeps {
    return { clock: this.#deps.clock, random: this.#deps.random, signal: this.#context.signal };
  }

  #tell(): void {
    const pulling = [...this.#pulling].map((index) => this.#job.images[index] ?? "");
    this.#context.progress(
      progressOf({
        total: this.#job.images.length,
        pulled: this.#pulled.size,
        failed: this.#failed.size,
        pulling,
      }),
    );
  }
}

/**
 * Under the name that is asked for, whatever its tag meant when it was pulled: KubeEdge's way, and a pod's that pulls
 * if not present. By digest, it is that image.
 */
async function isThere(images: ImageService, image: string): Promise<boolean> {
  const found = await images.imageStatus(image);
  const digest = /@(sha256:[A-Fa-f0-9]{64})$/.exec(image)?.[1];
  if (found === undefined || digest === undefined) return found !== undefined;
  return found.repoDigests.some((each) => each.endsWith(`@${digest}`));
}
