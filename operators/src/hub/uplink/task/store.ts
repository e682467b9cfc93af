// SPDX-License-Identifier: Apache-2.0
import { kinds } from "@longshore/crds/kinds";
import { JOB_UID_LABEL, reportName, type NodeTaskReport } from "@longshore/crds/tasks";
import { LRUCache } from "lru-cache";
import { isDeepStrictEqual } from "node:util";
import type { Client, KubeObject } from "../../../runtime/client.ts";
import { isAlreadyExists, isConflict, isNotFound } from "../../../runtime/errors.ts";
import { UplinkRefusal } from "../handler/index.ts";
import type { Report } from "./told.ts";

type Stored = NodeTaskReport & KubeObject;

/** What a report is stored as follows from what is stored already. */
export interface Change {
  readonly jobUid: string;
  readonly node: string;
  /** What is stored now decides what follows; otherwise a version that is remembered is enough. */
  readonly needsStored: boolean;
  make(stored: Report | undefined): Report;
  /** Somebody else may know better by now, and this is not to be written over it. */
  isOver(): boolean;
}

const MANAGER = { fieldManager: "longshore-hub" } as const;
const MAX_TRIES = 5;

/**
 * One NodeTaskReport a job and node. Each write names the version that it follows, so that what an earlier session
 * still had on its way never takes the place of what a later one wrote.
 */
export class ReportStore {
  readonly #client: Pick<Client, "get" | "create" | "update">;
  /** Versions written last, by name. */
  readonly #versions: LRUCache<string, string>;

  constructor(client: Pick<Client, "get" | "create" | "update">, maxVersions: number) {
    this.#client = client;
    this.#versions = new LRUCache({ max: maxVersions });
  }

  /** @throws {ApiError}; {UplinkRefusal} LATER when others write it all the time */
  async write(change: Change): Promise<"stored" | "unchanged"> {
    const name = reportName(change.jobUid, change.node);
    if (!change.needsStored) {
      const report = change.make(undefined);
      if (await this.#put(name, report, this.#versions.get(name))) return "stored";
    }
    for (let tries = 0; tries < MAX_TRIES && !change.isOver(); tries++) {
      const stored = await this.#get(name);
      const report = change.make(stored?.report);
      if (isDeepStrictEqual(report, stored?.report)) return this.#remember(name, stored);
      if (await this.#put(name, report, stored?.metadata.resourceVersion)) return "stored";
    }
    throw new UplinkRefusal("LATER", "the report is written by others all the time");
  }

  #remember(name: string, stored: Stored | undefined): "unchanged" {
    if (stored !== undefined) this.#versions.set(name, stored.metadata.resourceVersion);
    return "unchanged";
  }

  /** @returns false when something else is stored there by now */
  async #put(name: string, report: Report, resourceVersion: string | undefined): Promise<boolean> {
    const object = objectOf(name, report, resourceVersion);
    try {
      const made =
        resourceVersion === undefined
          ? await this.#client.create(kinds.NodeTaskReport, object, MANAGER)
          : await this.#client.update(kinds.NodeTaskReport, object, MANAGER);
      this.#versions.set(name, made.metadata.resourceVersion);
      return true;
    } catch (error) {
      this.#versions.delete(name);
      if (isAlreadyExists(error) || isConflict(error) || isNotFound(error)) return false;
      throw error;
    }
  }

  async #get(name: string): Promise<Stored | undefined> {
    try {
      return await this.#client.get<Stored>(kinds.NodeTaskReport, { name });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}

function objectOf(name: string, report: Report, resourceVersion: string | undefined): object {
  const { jobKind, jobName, jobUid } = report;
  const { group, version } = kinds[jobKind];
  return {
    metadata: {
      name,
      ...(resourceVersion !== undefined && { resourceVersion }),
      labels: { [JOB_UID_LABEL]: jobUid },
      ownerReferences: [{ apiVersion: `${group}/${version}`, kind: jobKind, name: jobName, uid: jobUid }],
    },
    report,
  };
}
