// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findOrphans } from "../../src/launcher/orphans.ts";

const UID = process.getuid?.() ?? 0;
const DIR = "/var/lib/longshore/agent";

describe("agents without their launcher", () => {
  let proc = "";
  beforeEach(() => {
    proc = mkdtempSync(join(tmpdir(), "proc-"));
  });
  afterEach(() => rmSync(proc, { recursive: true, force: true }));

  const OWN = { uid: UID, dir: DIR, launcher: "LONGSHORE_LAUNCHER=7", parent: 1 };

  it.each<[string, Partial<typeof OWN>, number[]]>([
    ["has another parent by now", {}, [42]],
    ["has its launcher still", { parent: 7 }, []],
    ["is of another folder", { dir: "/elsewhere" }, []],
    ["was started by no launcher", { launcher: "HOME=/" }, []],
    ["somebody else started, to hold the agent up", { uid: UID + 1 }, []],
  ])("R35 one that %s: %j", (_what, more, found) => {
    const { uid, dir, launcher, parent } = { ...OWN, ...more };
    mkdirSync(join(proc, "42"));
    const files = {
      cmdline: `node\0edge-agent.js\0--agent-dir\0${dir}\0`,
      environ: `PATH=/bin\0${launcher}\0`,
      stat: `42 (a) b) S ${parent} 42 42`,
      status: `Name:\tnode\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\n`,
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(proc, "42", name), text);
    expect(findOrphans(DIR, proc)).toEqual(found);
  });
});
