// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { APPLICATION_LABEL } from "@longshore/crds/apps";
import { kinds } from "@longshore/crds/kinds";
import type { ImagePrePullJob } from "@longshore/crds/operations";
import {
  isAlreadyExists,
  isConflict,
  isNotFound,
  type Client,
  type Clock,
  type KubeObject,
  type Log,
  type Resource,
} from "../../runtime/index.ts";
import { REVISION, type PrePull, type PrePullState } from "./port.ts";
import { outcomeOf } from "./pull-outcome.ts";

export interface PrePullDeps {
  readonly client: Pick<Client, "get" | "list" | "create" | "delete">;
  readonly clock: Clock;
  readonly log: Log;
  /** Default 30 s: a job that nobody has begun by then is carried out by nobody. Longer than clocks differ. */
  readonly absentAfterMs?: number;
  /** Default 20: nodes of one job that pull at the same time, to spare the registry. */
  readonly concurrency?: number;
  /** Default 1000: nodes of one job. More get jobs of their own: the state of all nodes of a job is one object. */
  readonly nodesPerJob?: number;
  /** Default 10,000: nodes of one batch; the others pull when their pods start. */
  readonly maxNodes?: number;
}

export const PRE_PULL_JOBS: Resource = kinds.ImagePrePullJob;
/** For people: whose job it is. */
const FOR_ANNOTATION = "longshore.io/for";

const DEFAULTS = { absentAfterMs: 30_000, concurrency: 20, nodesPerJob: 1000, maxNodes: 10_000 } as const;
const DEFAULT_TIMEOUT_SECONDS = 600;
const PAGE = 500;

type Wish = Parameters<PrePull["ensure"]>[0];
/** Some of the nodes of a batch. */
interface Part {
  readonly name: string;
  readonly nodes: readonly string[];
}

/** Has nodes pull images by ImagePrePullJobs, which any controller of that kind may carry out. */
export function createPrePull(deps: PrePullDeps): PrePull {
  return {
    async ensure(wish, signal) {
      if (wish.images.length === 0 || wish.nodes.length === 0) return { state: "pulled" };
      const states: PrePullState[] = [];
      for (const part of partsOf(deps, wish)) {
        const job = await jobOf(deps, wish, part, signal);
        if (job === undefined) return { state: "absent" }; // nobody knows such jobs
        states.push(stateOf(deps, job));
      }
      return together(states);
    },
    async owners(signal) {
      const options = { labelSelector: APPLICATION_LABEL, metadataOnly: true, limit: PAGE, signal };
      const jobs = await orNone(deps.client.list(PRE_PULL_JOBS, options));
      const uids = jobs?.items.map(({ metadata }) => metadata.labels?.[APPLICATION_LABEL] ?? "") ?? [];
      return [...new Set(uids)].filter((uid) => uid !== "");
    },
    async clean({ uid }, revision, signal) {
      const others = revision === undefined ? "" : `,${REVISION}!=${revision}`;
      const labelSelector = `${APPLICATION_LABEL}=${uid}${others}`;
      const options = { labelSelector, metadataOnly: true, limit: PAGE, signal };
      const jobs = await orNone(deps.client.list(PRE_PULL_JOBS, options));
      for (const { metadata } of jobs?.items ?? []) {
        const preconditions = { uid: metadata.uid };
        await orNone(deps.client.delete(PRE_PULL_JOBS, metadata, { preconditions, signal }));
      }
    },
  };
}

function partsOf(deps: PrePullDeps, wish: Wish): Part[] {
  const nodes = [...new Set(wish.nodes)].sort();
  const maxNodes = deps.maxNodes ?? DEFAULTS.maxNodes;
  if (nodes.length > maxNodes) {
    const { namespace, name } = wish.app.metadata;
    deps.log.warn(
      { namespace, name, batch: wish.batch, nodes: nodes.length, maxNodes },
      "a batch has more nodes than images are pulled for",
    );
  }
  const size = deps.nodesPerJob ?? DEFAULTS.nodesPerJob;
  const parts: Part[] = [];
  for (let at = 0; at < Math.min(nodes.length, maxNodes); at += size)
    parts.push({
      name: nameOf(wish, parts.length),
      nodes: nodes.slice(at, Math.min(at + size, maxNodes)),
    });
  return parts;
}

/**
 * The same for the same batch, revision and images, whatever nodes are Ready now. At most 63 characters, for
 * controllers may put it into a label.
 */
function nameOf({ app, revision, batch, images }: Wish, part: number): string {
  const { uid, name } = app.metadata;
  const content = JSON.stringify([uid, revision, batch, part, imagesOf(images)]);
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 16);
  const head = name.slice(0, 40).replaceAll(".", "-").replace(/-+$/, "");
  return `${head}-${hash}`;
}

const imagesOf = (images: readonly string[]): string[] => [...new Set(images)].sort();

/** The job, made if it is not there. @returns undefined when the API server has no such kind */
async function jobOf(
  { client, concurrency }: PrePullDeps,
  wish: Wish,
  { name, nodes }: Part,
  signal: AbortSignal,
): Promise<ImagePrePullJob | undefined> {
  const found = await orNone(client.get<ImagePrePullJob>(PRE_PULL_JOBS, { name }, { signal }));
  if (found !== undefined) return found;
  const { app, revision, images } = wish;
  const job = {
    metadata: {
      name,
      labels: { [APPLICATION_LABEL]: app.metadata.uid, [REVISION]: revision },
      annotations: {
        [FOR_ANNOTATION]: `EdgeApplication ${app.metadata.namespace ?? ""}/${app.metadata.name}`,
      },
    },
    spec: {
      imagePrePullTemplate: {
        images: imagesOf(images),
        nodeNames: nodes,
        concurrency: concurrency ?? DEFAULTS.concurrency,
        timeoutSeconds: app.spec.rollout?.prePull?.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS,
        retryTimes: 1,
        // Every node shall have its try; what failed is read from the nodes' own states.
        failureTolerate: "1",
      },
    },
  };
  const again = async (error: unknown): Promise<ImagePrePullJob> => {
    if (!isAlreadyExists(error)) throw error;
    return await client.get<ImagePrePullJob>(PRE_PULL_JOBS, { name }, { signal });
  };
  return await orNone(
    client.create<ImagePrePullJob & KubeObject>(PRE_PULL_JOBS, job, { signal }).catch(again),
  );
}

function stateOf({ clock, absentAfterMs }: PrePullDeps, job: ImagePrePullJob): PrePullState {
  const outcome = outcomeOf(job.status);
  if (outcome !== undefined) return outcome;
  const ageMs = clock.wallMs() - Date.parse(job.metadata.creationTimestamp ?? "");
  return { state: ageMs >= (absentAfterMs ?? DEFAULTS.absentAfterMs) ? "absent" : "pulling" };
}

/** All parts of a batch: where one has been begun, somebody will begin the others. */
function together(states: readonly PrePullState[]): PrePullState {
  const has = (state: PrePullState["state"]): boolean => states.some((one) => one.state === state);
  if (states.every(({ state }) => state === "absent")) return { state: "absent" };
  if (has("pulling") || has("absent")) return { state: "pulling" };
  return states.find(({ state }) => state === "failed") ?? { state: "pulled" };
}

/** undefined instead of NotFound, of an object or of the kind, and of another object of that name. */
async function orNone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isNotFound(error) || isConflict(error)) return undefined;
    throw error;
  }
}
