// SPDX-License-Identifier: Apache-2.0
import type { Image } from "@longshore/crds/cri";
import type { Clock } from "../../clock.ts";
import type { Cri } from "../../cri/index.ts";
import { isImageReference, loginsFor, pullImage } from "../../images/index.ts";
import { type Container, type DataObject, messageOf } from "../model/index.ts";
import type { Wait } from "../plan/index.ts";

/** The image's own user, as far as the runtime knows it. */
export interface ImageUser {
  readonly uid: bigint | undefined;
  readonly name: string;
}

/** An image that a container can be made of. */
export interface ReadyImage {
  readonly ref: string;
  readonly user: ImageUser;
}

/** There, or why not yet. */
export type ImageOutcome =
  { readonly kind: "ready"; readonly image: ReadyImage } | { readonly kind: "wait"; readonly wait: Wait };

/** Who wants which image. */
export interface ImageAsk {
  readonly container: Container;
  /** one start of one container: with policy Always each pulls once */
  readonly startKey: string;
  readonly secrets: () => Promise<readonly DataObject[]>;
  /** called when a pull that was begun here has ended */
  readonly wake: () => void;
}

/** Brings images to the node. */
export interface Images {
  /** Ready, or why not and until when. Never waits for a pull. @throws {CriError} when the runtime is away */
  ensure(ask: ImageAsk): Promise<ImageOutcome>;
  stop(): void;
}

const BACKOFF_BASE_MS = 10_000;
const BACKOFF_CAP_MS = 300_000;
/** How long the error itself is shown before the back-off is. */
const ERROR_SHOWN_MS = 1_000;
const MAX_REMEMBERED_STARTS = 1_000;

interface Failure {
  readonly failures: number;
  readonly untilMs: number;
  readonly message: string;
}

const policyOf = (c: Container): string => {
  if (c.imagePullPolicy !== undefined && c.imagePullPolicy !== "") return c.imagePullPolicy;
  return /:latest$/.test(c.image) || !/[:@]/.test(c.image.slice(c.image.lastIndexOf("/") + 1))
    ? "Always"
    : "IfNotPresent";
};

const userOf = (image: Image): ImageUser => ({ uid: image.uid?.value, name: image.username });
const ready = (image: Image): ImageOutcome => ({
  kind: "ready",
  image: { ref: image.id, user: userOf(image) },
});
const waiting = (reason: string, message: string, untilMs: number): ImageOutcome => ({
  kind: "wait",
  wait: { reason, message, untilMs },
});

/** Images by pull policy, with one pull of an image at a time and a back-off after failures. */
export function createImages(deps: { cri: Cri; clock: Clock; onPull?: (ok: boolean) => void }): Images {
  const { cri, clock } = deps;
  const failures = new Map<string, Failure>();
  const pulled = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const abort = new AbortController();

  /** A failure that nobody has repeated for long says nothing any more. */
  const forgetOld = (): void => {
    const oldestMs = clock.monotonicMs() - BACKOFF_CAP_MS;
    for (const [image, { untilMs }] of failures) if (untilMs < oldestMs) failures.delete(image);
  };
  const fail = (image: string, error: unknown): void => {
    forgetOld();
    const count = (failures.get(image)?.failures ?? 0) + 1;
    const delayMs = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** Math.min(count - 1, 10));
    failures.set(image, {
      failures: count,
      untilMs: clock.monotonicMs() + delayMs,
      message: messageOf(error).slice(0, 500),
    });
    deps.onPull?.(false);
  };
  const succeed = (ask: ImageAsk): void => {
    failures.delete(ask.container.image);
    if (pulled.size >= MAX_REMEMBERED_STARTS) pulled.clear();
    pulled.add(ask.startKey);
    deps.onPull?.(true);
  };
  const begin = (ask: ImageAsk): void => {
    const image = ask.container.image;
    const work = ask
      .secrets()
      .then((secrets) => pullImage(cri, image, loginsFor(image, secrets), abort.signal))
      .then(() => succeed(ask))
      .catch((error: unknown) => fail(image, error))
      .finally(() => {
        running.delete(image);
        ask.wake();
      });
    running.set(image, work);
  };
  const missing = (ask: ImageAsk): ImageOutcome => {
    const image = ask.container.image;
    const failure = failures.get(image);
    const nowMs = clock.monotonicMs();
    if (policyOf(ask.container) === "Never") {
      return waiting(
        "ErrImageNeverPull",
        `Container image "${image}" is not present with pull policy of Never`,
        nowMs + BACKOFF_BASE_MS,
      );
    }
    if (failure && nowMs < failure.untilMs) return held(image, failure, nowMs);
    const other = running.get(image);
    if (other) void other.then(ask.wake);
    else begin(ask);
    return waiting("ContainerCreating", `pulling image "${image}"`, Infinity);
  };
  return {
    ensure: async (ask) => {
      if (!isImageReference(ask.container.image)) return invalid(ask.container.image);
      const image = await cri.imageStatus(ask.container.image);
      const mustPull = policyOf(ask.container) === "Always" && !pulled.has(ask.startKey);
      return image && !mustPull ? ready(image) : missing(ask);
    },
    stop: () => {
      abort.abort();
    },
  };
}

/** Only another spec helps. */
function invalid(image: string): ImageOutcome {
  const name = `"${image.slice(0, 300)}"`;
  const message = `Failed to apply default image tag ${name}: couldn't parse image name ${name}: invalid reference format`;
  return waiting("InvalidImageName", message, Infinity);
}

function held(image: string, failure: Failure, nowMs: number): ImageOutcome {
  const shownUntilMs =
    failure.untilMs -
    Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** Math.min(failure.failures - 1, 10)) +
    ERROR_SHOWN_MS;
  if (nowMs < shownUntilMs) return waiting("ErrImagePull", failure.message, shownUntilMs);
  return waiting(
    "ImagePullBackOff",
    `Back-off pulling image "${image}": ${failure.message}`,
    failure.untilMs,
  );
}
