// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { CLONE } from "../cluster/layout.ts";
import { dmiSocket } from "../cluster/edge.ts";
import { startBash, type BashSession } from "./bash-session.ts";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";

jest.setTimeout(240_000);
const BLOCK_MS = 120_000;
/** Where the reader is told to make the mapper. */
const TOLD_DIR = "/tmp/lamp-mapper";

const page = readFileSync(join(CLONE, "docs/mappers.md"), "utf8");
const tutorial = page.slice(page.indexOf("## A driver in ten minutes"), page.indexOf("## What you get"));
const blocksOf = (language: string): string[] =>
  [...tutorial.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].flatMap(([, found, text = ""]) =>
    found === language ? [text.trimEnd()] : [],
  );

describe("the tutorial for a mapper of one's own", () => {
  let env: Environment;
  let bash: BashSession;
  let dir: string;

  beforeAll(async () => {
    env = await environment();
    dir = mkdtempSync(join(tmpdir(), "longshore-lamp-"));
    const path = [dirname(env.kubectl.argv[0]), join(CLONE, "node_modules/.bin"), process.env["PATH"]];
    bash = startBash(CLONE, {
      ...process.env,
      ...{ NODE_OPTIONS: "", KUBECONFIG: env.layout.kubeconfig, PATH: path.join(":") },
      DMI_SOCKET: dmiSocket(env.layout),
    });
  }, 600_000);
  afterAll(async () => {
    bash.close();
    rmSync(dir, { recursive: true, force: true });
    await env.kubectl.tryRun("delete", "device,devicemodel", "lamp", "--ignore-not-found");
    await cleanEnvironment();
  }, 90_000);

  it("shows the driver that it makes, and that is less than 60 lines", () => {
    const words = { __NAME__: "lamp-mapper", __PROTOCOL__: "lamp" };
    const template = readFileSync(join(CLONE, "mapper/template/src/lamp.ts"), "utf8");
    const made = template.replaceAll(/__[A-Z]+__/g, (word) => words[word as keyof typeof words]);
    expect(blocksOf("ts")).toEqual([made.trimEnd()]);
    expect(made.split("\n").length).toBeLessThan(60);
  });

  it("works, command by command", async () => {
    const said: string[] = [];
    for (const block of blocksOf("sh")) said.push(await bash.run(block.replaceAll(TOLD_DIR, dir), BLOCK_MS));
    expect(said).toHaveLength(5);
    const [made, , shown, brighter] = said;
    expect(made).toMatch(/pass 4\b/);
    expect(shown).toMatch(/lamp\s+edge-node\s+lamp\s+online/);
    expect(brighter).toMatch(/"Value":"70"/);
  });
});
