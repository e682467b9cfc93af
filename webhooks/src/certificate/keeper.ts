// SPDX-License-Identifier: Apache-2.0
import { pause, type Clock, type Log } from "@longshore/operators/runtime";
import { bundlePatch, type Configurations } from "./injection.ts";
import type { Credential } from "./issue.ts";
import { bundleOf, certificatesIn, factsOf, type Material } from "./material.ts";
import { planStep, type Step } from "./plan.ts";
import type { CertificateSecret, Stored } from "./secret.ts";
import { newMaterial, takeStep, type Lives, type StepInput } from "./steps.ts";

export interface KeeperOptions {
  /** Names and addresses that the webhook is called by. */
  readonly hosts: readonly string[];
  readonly lives: Lives;
  /** How often Secret and configurations are looked at. */
  readonly intervalMs: number;
  /** How long a CA has been in all configurations before it is served: API servers learn of it a little later. */
  readonly settleMs: number;
  /** How long a replaced CA stays trusted. */
  readonly overlapMs: number;
}

/** Told of what the keeper does, for metrics. */
export interface KeeperObserver {
  /** Something was written or tried in vain: `create`, `stage`, …, `patch`. */
  acted(action: Exclude<Step, "keep"> | "restore" | "patch", result: "ok" | "conflict"): void;
  failed(): void;
  /** Ends of the certificates in use, wall clock. */
  expiry(ends: { readonly caMs: number; readonly servingMs: number }): void;
}

export interface KeeperDeps {
  readonly secret: CertificateSecret;
  readonly configurations: Configurations;
  readonly clock: Clock;
  readonly log: Log;
  readonly observer: KeeperObserver;
  /** Serves from now on. */
  serve(credential: Credential): void;
}

/** Steps of one look; a look that needs more goes on at the next. */
const MAX_STEPS = 4;
/** After a conflict or a failure, the first next look. */
const RETRY_MS = 500;

/**
 * Keeps a serving certificate in a Secret and its CA in webhook configurations, together with the other replicas:
 * level-based, so that whatever somebody deletes or overwrites is there again after the next look. A certificate is
 * served only after its CA has been trusted by all configurations for a while.
 */
export class CertificateKeeper {
  readonly #deps: KeeperDeps;
  readonly #options: KeeperOptions;
  /** Since when each CA has been in all configurations, monotonic. */
  #trustedSince = new Map<string, number>();
  #last: Material | undefined;
  #served: { readonly credential: Credential; readonly ca: string } | undefined;
  #notReady = "the first look is not over";
  #failures = 0;

  constructor(deps: KeeperDeps, options: KeeperOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** What is missing until calls can succeed; undefined when nothing is. Later trouble does not make it unready. */
  get notReady(): string | undefined {
    return this.#notReady === "" ? this.#expired() : this.#notReady;
  }

  /** Looks again and again until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const delayMs = await this.#lookSafely(signal);
      await pause(this.#deps.clock, delayMs, signal);
    }
  }

  async #lookSafely(signal: AbortSignal): Promise<number> {
    const { intervalMs } = this.#options;
    try {
      const isDone = await this.look();
      this.#failures = 0;
      return isDone ? intervalMs : Math.min(RETRY_MS, intervalMs);
    } catch (error) {
      if (signal.aborted) return 0;
      this.#deps.observer.failed();
      this.#deps.log.warn({ err: error }, "certificate and webhook configurations not looked at");
      if (this.#notReady !== "") this.#notReady = "the API server does not answer or refuses";
      return Math.min(RETRY_MS * 2 ** Math.min(this.#failures++, 8), intervalMs);
    }
  }

  /**
   * Once: brings Secret, configurations and what is served one look nearer to what they should be.
   *
   * @returns whether nothing stood in the way
   * @throws {ApiError}
   */
  async look(): Promise<boolean> {
    // Configurations first: what is then patched by their version cannot undo what another replica put there
    // for a Secret newer than the one read after them.
    const { found, missing } = await this.#deps.configurations.read();
    this.#observe(found.map(({ object }) => caBundlesOf(object)));
    const material = await this.#settleSecret();
    if (material === undefined) return false;
    this.#last = material;
    let isAll = true;
    const bundle = bundleOf(material);
    for (const { ref, object } of found) {
      const operations = bundlePatch(object, bundle);
      if (operations.length === 0) continue;
      const isPatched = await this.#deps.configurations.patch(ref, operations);
      this.#acted("patch", isPatched);
      isAll &&= isPatched;
    }
    this.#serve(material);
    this.#tellReady(isAll, missing);
    return isAll;
  }

  /** Takes the steps that the Secret needs. @returns what it holds; undefined when others are busy with it */
  async #settleSecret(): Promise<Material | undefined> {
    for (let taken = 0; taken < MAX_STEPS; taken++) {
      const stored = await this.#deps.secret.read();
      const material = stored?.material;
      const step = planStep(material, this.#circumstances(stored));
      if (step === "keep") return material;
      await this.#step(step, stored);
    }
    return undefined;
  }

  async #step(step: Exclude<Step, "keep">, stored: Stored | undefined): Promise<void> {
    const { material } = stored ?? {};
    if (step === "create" || material === undefined) {
      const kept = this.#usable();
      const next = kept ?? (await newMaterial(this.#input()));
      this.#acted(kept ? "restore" : "create", await this.#deps.secret.write(next, stored));
      return;
    }
    const next = await takeStep(step, material, this.#input());
    const isWritten = await this.#deps.secret.write(next, stored, { grantsRotation: step === "stage" });
    this.#acted(step, isWritten);
  }

  /** What the Secret held last, if it is still good: nothing has to change for callers then. */
  #usable(): Material | undefined {
    const now = this.#circumstances(undefined);
    return this.#last !== undefined && planStep(this.#last, now) !== "create" ? this.#last : undefined;
  }

  #circumstances(stored: Stored | undefined): Parameters<typeof planStep>[1] {
    return {
      nowMs: this.#deps.clock.wallMs(),
      hosts: this.#options.hosts,
      isSettled: (ca) => this.#isSettled(ca),
      servedCa: this.#served?.ca,
      isRotationWanted: stored?.isRotationWanted ?? false,
      overlapMs: this.#options.overlapMs,
    };
  }

  #input(): StepInput {
    const { hosts, lives } = this.#options;
    return { nowMs: this.#deps.clock.wallMs(), hosts, lives, servedCa: this.#served?.ca };
  }

  /** Keeps the time of what all configurations trust, and forgets what one of them does not. */
  #observe(bundles: readonly (readonly (readonly string[])[])[]): void {
    const [first = [], ...rest] = bundles.flat();
    const trusted = first.filter((ca) => rest.every((bundle) => bundle.includes(ca)));
    const nowMs = this.#deps.clock.nowMs();
    this.#trustedSince = new Map(trusted.map((ca) => [ca, this.#trustedSince.get(ca) ?? nowMs]));
  }

  #isSettled(ca: string): boolean {
    const sinceMs = this.#trustedSince.get(ca);
    return sinceMs !== undefined && this.#deps.clock.nowMs() - sinceMs >= this.#options.settleMs;
  }

  #serve({ ca, serving }: Material): void {
    const { observer, log } = this.#deps;
    const served = this.#served;
    const isSame = served?.credential.certificate === serving.certificate;
    const mayServe =
      this.#expired() !== undefined || served?.ca === ca.certificate || this.#isSettled(ca.certificate);
    if (isSame || !mayServe) return;
    this.#deps.serve(serving);
    this.#served = { credential: serving, ca: ca.certificate };
    const servingMs = factsOf(serving.certificate).notAfterMs;
    observer.expiry({ caMs: factsOf(ca.certificate).notAfterMs, servingMs });
    log.info({ notAfter: new Date(servingMs).toISOString() }, "serving certificate in use");
  }

  #tellReady(isAll: boolean, missing: readonly string[]): void {
    if (this.#notReady === "") return;
    const names = missing.join(", ");
    this.#notReady =
      missing.length > 0 ? `no ${names}` : isAll ? "" : "the CA is not yet in all webhook configurations";
  }

  #expired(): string | undefined {
    const pem = this.#served?.credential.certificate;
    const isOver = pem === undefined || factsOf(pem).notAfterMs <= this.#deps.clock.wallMs();
    return isOver ? "the serving certificate has expired" : undefined;
  }

  #acted(action: Exclude<Step, "keep"> | "restore" | "patch", isDone: boolean): void {
    this.#deps.observer.acted(action, isDone ? "ok" : "conflict");
    this.#deps.log.info(
      { action, isDone },
      isDone ? "certificates changed" : "certificates changed by another",
    );
  }
}

/** The CAs that each webhook of a configuration trusts. */
const caBundlesOf = ({
  webhooks = [],
}: {
  readonly webhooks?: readonly { readonly clientConfig?: { readonly caBundle?: string } }[];
}): string[][] =>
  webhooks.map(({ clientConfig }) =>
    certificatesIn(Buffer.from(clientConfig?.caBundle ?? "", "base64").toString("utf8")),
  );
