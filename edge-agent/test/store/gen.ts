// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStore, type Store, type StoredObject } from "../../src/store/index.ts";
import type { StoreDeps } from "../../src/store/store.ts";
import { fakeClock, fakeLog } from "../tunnel/fakes.ts";

export const temporaryDirectory = (): string => mkdtempSync(join(tmpdir(), "edge-store-"));

export interface OpenStore extends Store {
  readonly damage: string[];
  readonly errors: string[];
  readonly lines: string[];
}

/** Opens a store with fakes around it. A small reserve keeps the tests quick. */
export function open(directory: string, overrides: Partial<StoreDeps> = {}): OpenStore {
  const [damage, errors, log]: [string[], string[], ReturnType<typeof fakeLog>] = [[], [], fakeLog()];
  const metrics = {
    damaged: (what: string) => void damage.push(what),
    failed: (code: string) => void errors.push(code),
  };
  const store = createStore(directory, { log, clock: fakeClock(), metrics, reserveBytes: 0, ...overrides });
  return { ...store, damage, errors, lines: log.lines };
}

export function configMap(
  name: string,
  resourceVersion: string,
  extra: Partial<StoredObject> = {},
): StoredObject {
  return {
    key: `configmap/default/${name}`,
    kind: "configmap",
    namespace: "default",
    name,
    uid: "uid-1",
    resourceVersion,
    digest: "d",
    clusterEpoch: 1,
    value: { data: { v: resourceVersion } },
    ...extra,
  };
}

export const put = (object: StoredObject) => ({ op: "put", object }) as const;
