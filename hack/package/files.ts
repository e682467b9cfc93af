// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildPrograms, MODULE } from "../build.ts";
import { CLONE } from "../cluster/layout.ts";

/** Files of the agent by their path in the package. */
export type AgentFiles = ReadonlyMap<string, Buffer>;

/** The least Node that runs what `hack/build.ts` makes. */
const NODE = "22.22.2";

/** Builds the agent with a version of its own. @param version such as `v1.24.0` */
export async function buildAgent(version: string, root: string = CLONE): Promise<AgentFiles> {
  const outDir = mkdtempSync(join(tmpdir(), "longshore-package-"));
  try {
    await buildPrograms(["edge-agent"], root, { outDir, version: version.replace(/^v/, "") });
    const names = readdirSync(outDir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith(".map"))
      .map((entry) => join(entry.parentPath, entry.name).slice(outDir.length + 1));
    return new Map(names.map((name) => [name, readFileSync(join(outDir, name))]));
  } finally {
    rmSync(outDir, { recursive: true, force: true });
  }
}

/** An agent of one program that somebody else wrote, for trying what becomes of a bad one. */
export const agentOf = (program: string | Buffer): AgentFiles =>
  new Map([["edge-agent.js", Buffer.from(program)]]);

/** The agent and what says which it is. */
export function withManifest(files: AgentFiles, version: string): AgentFiles {
  const manifest = { version, digest: "", node: NODE };
  return new Map([
    ...files,
    ["manifest.json", Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)],
    ["package.json", Buffer.from(MODULE)],
  ]);
}
