// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { layoutOf, makeFolders } from "../../../hack/cluster/layout.ts";
import { startRegistry, type LocalRegistry, type RegistryOptions } from "../../../hack/cluster/registry.ts";
import { createArtefacts, type ArtefactOptions } from "../../src/artefact/index.ts";
import type { Artefact, ArtefactRequest } from "../../src/jobs/upgrade/port.ts";

/** A folder for one test file: registries in it, and a folder to unpack into for each fetch. */
export interface World {
  readonly dir: string;
  registry(options?: RegistryOptions): Promise<LocalRegistry>;
  /** A file in it that only its owner can read. */
  file(name: string, content: string, mode?: number): string;
  /** Fetches into a folder that is new. */
  fetch(request: Partial<ArtefactRequest>, options?: Partial<ArtefactOptions>): Promise<Fetched>;
  close(): Promise<void>;
}

export interface Fetched {
  readonly into: string;
  readonly progress: readonly string[];
  readonly artefact: Artefact | undefined;
  readonly error: unknown;
}

export const VERSION = "v1.24.0";
export const REPOSITORY = "edge/installation-package";

const OPTIONS: ArtefactOptions = {
  caFile: "",
  credentialsFile: "",
  publicKeyFile: "",
  insecureRegistries: [],
  timeoutMs: 60_000,
  maxLayerBytes: 16 * 1024 * 1024,
  maxTotalBytes: 64 * 1024 * 1024,
  userAgent: "test",
  pause: () => Promise.resolve(),
};

export function createWorld(): World {
  const dir = mkdtempSync(join(tmpdir(), "longshore-registry-"));
  const layout = layoutOf("", dir);
  makeFolders(layout);
  const registries: LocalRegistry[] = [];
  let fetches = 0;
  return {
    dir,
    registry: async (options = {}) => {
      const registry = await startRegistry(layout, { name: `registry-${registries.length}`, ...options });
      registries.push(registry);
      return registry;
    },
    file: (name, content, mode = 0o600) => {
      writeFileSync(join(dir, name), content, { mode });
      return join(dir, name);
    },
    fetch: async (request, options) => {
      const into = join(dir, `into-${fetches++}`);
      mkdirSync(into);
      const progress: string[] = [];
      const artefacts = createArtefacts({ ...OPTIONS, ...options });
      const outcome = await artefacts
        .fetch({
          version: VERSION,
          arch: "x64",
          gate: undefined,
          maxBytes: 64 * 1024 * 1024,
          signal: new AbortController().signal,
          progress: (text) => progress.push(text),
          image: "",
          into,
          ...request,
        })
        .then(
          (artefact) => ({ artefact, error: undefined }),
          (error: unknown) => ({ artefact: undefined, error }),
        );
      return { into, progress, ...outcome };
    },
    close: async () => {
      for (const registry of registries) await registry.stop();
      rmSync(layout.sockets, { recursive: true, force: true });
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Docker's config.json for a registry. */
export const dockerConfig = (host: string, username: string, password: string): string =>
  JSON.stringify({
    auths: { [host]: { auth: Buffer.from(`${username}:${password}`).toString("base64") } },
  });

export const readText = (path: string): string => readFileSync(path, "utf8");
