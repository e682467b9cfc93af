// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { open, temporaryDirectory } from "./gen.ts";

const WRITER = fileURLToPath(new URL("./writer.ts", import.meta.url));
const KILLS = 20;

/** Runs the writer until it has acked `lines` objects, then kills it. Returns the newest acked version by name. */
async function writeAndKill(directory: string, start: number, lines: number): Promise<Map<string, number>> {
  const env = { ...process.env, NODE_OPTIONS: "" };
  const args = [
    "--conditions=source",
    "--disable-warning=ExperimentalWarning",
    WRITER,
    directory,
    String(start),
  ];
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
    if (output.split("\n").length > lines) child.kill("SIGKILL");
  });
  await once(child, "close");
  const acked = new Map<string, number>();
  // The last line may be cut: what was not printed whole was not acknowledged.
  for (const line of output.split("\n").slice(0, -1)) {
    const [name = "", version = ""] = line.split(" ");
    acked.set(name, Math.max(acked.get(name) ?? 0, Number(version)));
  }
  return acked;
}

describe("a killed writer", () => {
  it(`R24 in part: loses nothing that it acknowledged in ${KILLS} kills, and its store is always readable`, async () => {
    const directory = temporaryDirectory();
    const acked = new Map<string, number>();
    let start = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const now = await writeAndKill(directory, start, 20 + kill * 37);
      expect(now.size).toBeGreaterThan(0);
      for (const [name, version] of now) acked.set(name, Math.max(acked.get(name) ?? 0, version));
      start = Math.max(start, ...now.values()) + 1000;
      const store = open(directory);
      expect(store.damage).toEqual([]);
      for (const [name, version] of acked) {
        const held = store.desired.get(`configmap/default/${name}`);
        expect(Number(held?.resourceVersion)).toBeGreaterThanOrEqual(version);
      }
      store.close();
    }
  }, 120_000);
});
