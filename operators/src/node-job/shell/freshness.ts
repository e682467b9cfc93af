// SPDX-License-Identifier: Apache-2.0
import type { Outbox } from "../../delivery/outbox.ts";
import type { Placement } from "../../delivery/placement.ts";
import {
  pause,
  type Client,
  type Clock,
  type Informer,
  type KubeObject,
  type Log,
  type Runnable,
} from "../../runtime/index.ts";

export interface FreshnessDeps {
  readonly client: Pick<Client, "list">;
  readonly clock: Clock;
  readonly log: Log;
  readonly informers: readonly Informer[];
}

export interface Freshness extends Runnable {
  /** The caches hold all that was stored when this process began to lead; undefined once they do. */
  waiting(): Promise<void> | undefined;
}

const PAGE = 500;
const LOOK_AGAIN_MS = 50;
/** An object that does not come was most likely deleted since. */
const LIST_AGAIN_MS = 2_000;
const FAILED_MS = 1_000;

/**
 * Holds orders back until the caches are as new as what the former leader stored: an order that an old cache does not
 * show would be withdrawn, and given again, which an edge of KubeEdge carries out twice.
 */
export function createFreshness(deps: FreshnessDeps): Freshness {
  let isFresh = false;
  let settle: (error?: Error) => void = () => undefined;
  const opened = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve() : reject(error));
  });
  // Nobody may be waiting.
  opened.catch(() => undefined);
  return {
    waiting: () => (isFresh ? undefined : opened),
    async start(signal) {
      await Promise.all(deps.informers.map((informer) => catchUp(deps, informer, signal)));
      isFresh = !signal.aborted;
      settle(isFresh ? undefined : new Error("stopped before the caches were as new as what is stored"));
    },
  };
}

async function catchUp(deps: FreshnessDeps, informer: Informer, signal: AbortSignal): Promise<void> {
  const { clock, log } = deps;
  while (!isAborted(signal)) {
    try {
      if (await isSoonCaughtUp(deps, informer, signal)) return;
    } catch (error) {
      log.warn({ err: error, kind: informer.resource.kind }, "orders wait until jobs could be listed");
      await pause(clock, FAILED_MS, signal);
    }
  }
}

/** @returns false when it took so long that what is stored may be something else by now */
async function isSoonCaughtUp(
  { client, clock }: FreshnessDeps,
  informer: Informer,
  signal: AbortSignal,
): Promise<boolean> {
  const listed = await listAll(client, informer, signal);
  const endsAtMs = clock.nowMs() + LIST_AGAIN_MS;
  while (!isCaughtUp(informer, listed)) {
    if (isAborted(signal) || clock.nowMs() >= endsAtMs) return false;
    await pause(clock, LOOK_AGAIN_MS, signal);
  }
  return true;
}

// Read through a function: the compiler takes a signal that was not aborted before an await for one that never is.
const isAborted = (signal: AbortSignal): boolean => signal.aborted;

interface Listed {
  readonly resourceVersion: string;
  readonly items: ReadonlyMap<string, KubeObject>;
}

async function listAll(
  client: Pick<Client, "list">,
  { resource }: Informer,
  signal: AbortSignal,
): Promise<Listed> {
  const items = new Map<string, KubeObject>();
  for (let next: string | undefined; ;) {
    const options = {
      metadataOnly: true,
      limit: PAGE,
      signal,
      ...(next !== undefined && { continue: next }),
    };
    const page = await client.list(resource, options);
    for (const item of page.items) items.set(item.metadata.name, item);
    next = page.continue;
    if (next === undefined) return { resourceVersion: page.resourceVersion, items };
  }
}

/** All that was listed is there or newer, and nothing that was gone. */
function isCaughtUp(informer: Informer, { resourceVersion, items }: Listed): boolean {
  const versionOf = (object: KubeObject | undefined): bigint => BigInt(object?.metadata.resourceVersion ?? 0);
  return (
    [...items.values()].every(({ metadata }) => {
      const held = informer.get({ name: metadata.name });
      return versionOf(held) >= BigInt(metadata.resourceVersion);
    }) &&
    informer
      .list()
      .every((held) => items.has(held.metadata.name) || versionOf(held) > BigInt(resourceVersion))
  );
}

/** An outbox that makes no placement of caches that are behind. */
export function freshOutbox<Event, Caches>(
  outbox: Outbox,
  freshness: Pick<Freshness, "waiting">,
  { placement, caches }: { readonly placement: Placement<Event, Caches>; readonly caches: Caches },
): Outbox {
  return {
    ...outbox,
    async sync(node, scope, refs, term) {
      const waiting = freshness.waiting();
      if (waiting === undefined) return outbox.sync(node, scope, refs, term);
      await waiting;
      return outbox.sync(node, scope, placement.refsOf(node, caches), term);
    },
  };
}
