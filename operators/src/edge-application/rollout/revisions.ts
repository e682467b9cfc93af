// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { objectDigest } from "@longshore/crds";
import { APPLICATION_LABEL, type EdgeApplication, type RenderedSpec } from "@longshore/crds/apps";
import { kinds } from "@longshore/crds/kinds";
import {
  controllerOf,
  isAlreadyExists,
  isConflict,
  isNotFound,
  TerminalError,
  withController,
  type Client,
  type KubeObject,
  type Log,
  type Resource,
} from "../../runtime/index.ts";
import type { Revisions } from "./port.ts";

export interface RevisionsDeps {
  readonly client: Pick<Client, "get" | "list" | "create" | "patch" | "delete">;
  readonly log: Log;
  /** Largest spec that is kept, as JSON; default 900 KiB: etcd takes 1.5 MiB an object. */
  readonly maxSpecBytes?: number;
}

export type RevisionErrorCode = "REVISION_TOO_LARGE" | "REVISION_TAKEN";

/** A revision cannot be kept until a user changes something; the message says what. */
export class RevisionError extends TerminalError {
  readonly code: RevisionErrorCode;
  constructor(code: RevisionErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export const CONTROLLER_REVISIONS: Resource = {
  ...{ group: "apps", version: "v1", plural: "controllerrevisions", kind: "ControllerRevision" },
  namespaced: true,
};
const APPLICATIONS: Resource = kinds.EdgeApplication;
/** The number of a revision once more, where a list of metadata shows it. */
const NUMBER_ANNOTATION = "longshore.io/revision-number";

const DEFAULT_MAX_SPEC_BYTES = 900 * 1024;
const REVISION_CHARS = 10;
const MAX_NAME_CHARS = 253;
/** An application keeps at most 100 or so; what is beyond one page is found by its name. */
const PAGE = 500;

interface ControllerRevision extends KubeObject {
  readonly revision: number;
  readonly data?: unknown;
}

/**
 * Revisions as ControllerRevisions that the application owns, so that they go with it.
 *
 * A revision is named by a hash of what it holds; the object is named `<application>-<revision>`. Of the objects of an
 * application only the metadata is listed: ten specs would be megabytes.
 */
export function createRevisions(deps: RevisionsDeps): Revisions {
  return {
    nameOf: revisionOf,
    async save(app, spec, signal) {
      const revision = revisionOf(spec);
      const stored = await listOf(deps, app, signal);
      const found = stored.find(({ metadata }) => metadata.name === objectNameOf(app, revision));
      const newest = stored.reduce((most, one) => Math.max(most, numberOf(one)), 0);
      if (found === undefined) await create({ deps, app, spec, number: newest + 1, signal });
      else if (numberOf(found) < newest && revision === revisionOf(app.spec))
        await renumber({ deps, found, number: newest + 1, signal });
      return revision;
    },
    async read(app, name, signal) {
      const found = await get(deps, app, name, signal);
      if (found === undefined || !isOwned(found, app)) return undefined;
      const spec = found.data as RenderedSpec;
      if (isSpec(spec) && revisionOf(spec) === name) return spec;
      deps.log.warn(
        { namespace: app.metadata.namespace, name: found.metadata.name },
        "a revision does not hold what its name says, and is not used",
      );
      return undefined;
    },
    async trim(app, keep, limit, signal) {
      const kept = new Set(keep.map((revision) => objectNameOf(app, revision)));
      const history = (await listOf(deps, app, signal))
        .filter(({ metadata }) => !kept.has(metadata.name))
        .sort((a, b) => numberOf(a) - numberOf(b) || (a.metadata.name < b.metadata.name ? -1 : 1));
      for (const old of history.slice(0, Math.max(0, history.length - Math.max(0, limit))))
        await remove(deps, old, signal);
    },
  };
}

/** What of a spec is rendered; the pace of a rollout makes no revision. */
const contentOf = ({ workloadScope, workloadTemplate, rollout }: RenderedSpec): RenderedSpec => ({
  workloadScope,
  ...(workloadTemplate !== undefined && { workloadTemplate }),
  ...(rollout?.versions !== undefined && { rollout: { versions: rollout.versions } }),
});

const revisionOf = (spec: RenderedSpec): string =>
  objectDigest({ spec: contentOf(spec) }).slice(0, REVISION_CHARS);

const isSpec = (data: unknown): data is RenderedSpec =>
  typeof data === "object" && data !== null && "workloadScope" in data;

/** A name that would become too long is cut, with a hash of all of it. */
function objectNameOf({ metadata }: EdgeApplication, revision: string): string {
  const room = MAX_NAME_CHARS - revision.length - 1;
  if (metadata.name.length <= room) return `${metadata.name}-${revision}`;
  const hash = createHash("sha256").update(metadata.name).digest("hex").slice(0, REVISION_CHARS);
  const head = metadata.name.slice(0, room - hash.length - 1).replace(/[^a-z0-9]+$/, "");
  return `${head}-${hash}-${revision}`;
}

const numberOf = ({ metadata }: KubeObject): number => {
  const number = Number(metadata.annotations?.[NUMBER_ANNOTATION]);
  return Number.isSafeInteger(number) ? number : 0;
};

const isOwned = (object: KubeObject, app: EdgeApplication): boolean =>
  controllerOf(object)?.uid === app.metadata.uid;

const namespaceOf = ({ metadata }: EdgeApplication): string => metadata.namespace ?? "";

async function listOf(deps: RevisionsDeps, app: EdgeApplication, signal: AbortSignal): Promise<KubeObject[]> {
  const { items } = await deps.client.list(CONTROLLER_REVISIONS, {
    namespace: namespaceOf(app),
    labelSelector: `${APPLICATION_LABEL}=${app.metadata.uid}`,
    metadataOnly: true,
    limit: PAGE,
    signal,
  });
  return items.filter((item) => isOwned(item, app) && item.metadata.deletionTimestamp === undefined);
}

async function get(
  { client }: RevisionsDeps,
  app: EdgeApplication,
  revision: string,
  signal: AbortSignal,
): Promise<ControllerRevision | undefined> {
  const name = { namespace: namespaceOf(app), name: objectNameOf(app, revision) };
  try {
    return await client.get<ControllerRevision>(CONTROLLER_REVISIONS, name, { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

interface Creation {
  readonly deps: RevisionsDeps;
  readonly app: EdgeApplication;
  readonly spec: RenderedSpec;
  readonly number: number;
  readonly signal: AbortSignal;
}

async function create({ deps, app, spec, number, signal }: Creation): Promise<void> {
  const data = contentOf(spec);
  requireRoom(data, deps.maxSpecBytes ?? DEFAULT_MAX_SPEC_BYTES);
  const namespace = namespaceOf(app);
  const object = {
    metadata: {
      namespace,
      name: objectNameOf(app, revisionOf(spec)),
      labels: { [APPLICATION_LABEL]: app.metadata.uid },
      annotations: { [NUMBER_ANNOTATION]: String(number) },
      ownerReferences: withController({
        ...{ owner: app, ownerResource: APPLICATIONS, object: { namespace } },
        blockOwnerDeletion: false, // nobody waits for history
      }),
    },
    revision: number,
    data,
  };
  try {
    await deps.client.create(CONTROLLER_REVISIONS, object, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const isFree = await settle(deps, app, revisionOf(spec), signal);
    if (isFree) await deps.client.create(CONTROLLER_REVISIONS, object, { signal });
  }
}

function requireRoom(data: RenderedSpec, maxBytes: number): void {
  const bytes = Buffer.byteLength(JSON.stringify(data));
  if (bytes <= maxBytes) return;
  throw new RevisionError(
    "REVISION_TOO_LARGE",
    `the spec is ${Math.ceil(bytes / 1024)} KiB, and a rollout can return to ${Math.floor(maxBytes / 1024)} KiB at most: split the application, or keep files in ConfigMaps beside it`,
  );
}

/**
 * Another writer was faster, which is as good; or the name is of an application that was here before.
 *
 * @returns whether the name is free now
 */
async function settle(
  deps: RevisionsDeps,
  app: EdgeApplication,
  revision: string,
  signal: AbortSignal,
): Promise<boolean> {
  const there = await get(deps, app, revision, signal);
  if (there === undefined) return true;
  if (isOwned(there, app)) {
    await relabel(deps, app, there, signal);
    return false;
  }
  const owner = controllerOf(there);
  const isLeftover = owner?.kind === APPLICATIONS.kind && owner.name === app.metadata.name;
  if (!isLeftover)
    throw new RevisionError(
      "REVISION_TAKEN",
      `ControllerRevision ${there.metadata.name} belongs to ${owner === undefined ? "nobody" : `${owner.kind} ${owner.name}`}: delete it, for ${app.metadata.name} needs the name`,
    );
  await remove(deps, there, signal);
  return true;
}

/** Without its label it would be in no list. */
async function relabel(
  { client }: RevisionsDeps,
  app: EdgeApplication,
  { metadata }: KubeObject,
  signal: AbortSignal,
): Promise<void> {
  if (metadata.labels?.[APPLICATION_LABEL] === app.metadata.uid) return;
  const body = { metadata: { uid: metadata.uid, labels: { [APPLICATION_LABEL]: app.metadata.uid } } };
  await client.patch(CONTROLLER_REVISIONS, metadata, { type: "merge", body }, { signal });
}

interface Renumbering {
  readonly deps: RevisionsDeps;
  readonly found: KubeObject;
  readonly number: number;
  readonly signal: AbortSignal;
}

/** What is wanted again is the newest again. */
async function renumber({ deps, found, number, signal }: Renumbering): Promise<void> {
  const { uid } = found.metadata;
  const body = {
    metadata: { uid, annotations: { [NUMBER_ANNOTATION]: String(number) } },
    revision: number,
  };
  await deps.client.patch(CONTROLLER_REVISIONS, found.metadata, { type: "merge", body }, { signal });
}

async function remove(
  { client }: RevisionsDeps,
  { metadata }: KubeObject,
  signal: AbortSignal,
): Promise<void> {
  try {
    await client.delete(CONTROLLER_REVISIONS, metadata, { preconditions: { uid: metadata.uid }, signal });
  } catch (error) {
    if (!isNotFound(error) && !isConflict(error)) throw error; // gone, or another one has the name now
  }
}
