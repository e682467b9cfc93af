// SPDX-License-Identifier: Apache-2.0
import type { KubeObject, Resource } from "../client.ts";
import { apiVersionOf, collectionPath } from "./resource-path.ts";
import { errorOfStatus, noAnswer } from "./api-status.ts";
import type { Caller } from "./caller.ts";
import { splitLines } from "./line-splitter.ts";

export type WatchEvent<T> =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: T }
  | { readonly type: "BOOKMARK"; readonly resourceVersion: string };

export interface WatchOptions {
  readonly resourceVersion: string;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly metadataOnly?: boolean;
  /** The server ends the watch after this long. */
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
  /** Called when the server has accepted the watch; its first event may still be a refusal. */
  readonly opened?: () => void;
}

export interface Watcher {
  /**
   * Changes after `resourceVersion`, with bookmarks. Ends when the server ends the watch or the signal aborts.
   *
   * @throws {ApiError} refusals, an error event of the server (410: list again), a broken connection
   */
  watch<T extends KubeObject>(resource: Resource, options: WatchOptions): AsyncIterable<WatchEvent<T>>;
}

const METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
// etcd takes 1.5 MiB an object; JSON may be longer than what is stored.
const MAX_LINE_BYTES = 16 * 1024 * 1024;

export function createWatcher(caller: Caller): Watcher {
  return {
    async *watch<T extends KubeObject>(
      resource: Resource,
      options: WatchOptions,
    ): AsyncGenerator<WatchEvent<T>> {
      const { namespace, metadataOnly, signal, opened, ...query } = options;
      const body = await caller.stream({
        method: "GET",
        path: collectionPath(resource, namespace),
        query: { ...query, watch: true, allowWatchBookmarks: true },
        ...(metadataOnly === true && { accept: METADATA }),
        signal,
      });
      opened?.();
      try {
        for await (const line of splitLines(body, MAX_LINE_BYTES)) yield parseEvent<T>(resource, line);
      } catch (error) {
        if (signal.aborted) return;
        throw error instanceof Error && error.name === "ApiError"
          ? error
          : noAnswer("ConnectionFailed", error);
      } finally {
        body.destroy();
      }
    },
  };
}

interface RawEvent<T> {
  readonly type: string;
  readonly object: T;
}

function parseEvent<T extends KubeObject>(resource: Resource, line: string): WatchEvent<T> {
  const { type, object } = JSON.parse(line) as RawEvent<T>;
  switch (type) {
    case "BOOKMARK":
      return { type, resourceVersion: object.metadata.resourceVersion };
    case "ADDED":
    case "MODIFIED":
    case "DELETED":
      return { type, object: { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind } };
    default:
      throw errorOfStatus(object);
  }
}
