// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "@jest/globals";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { startTicksOf } from "../cluster/processes.ts";
import { tied } from "../tied.ts";
import { waitFor } from "../wait.ts";

/** Its arguments, once it is the program itself and no longer what ties it. */
const commandOf = (pid: number): string => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ");

it("ends a program with the process that started it, also when that is killed", async () => {
  const [command, args] = tied("sleep", ["600"]);
  const start = `const child = require("node:child_process").spawn(${JSON.stringify(command)}, ${JSON.stringify(args)});
    console.log(child.pid); setInterval(() => undefined, 1_000);`;
  const parent = spawn(process.execPath, ["-e", start], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(line.toString());
  await waitFor(() => commandOf(pid) === "sleep 600 ", { what: "sleep to run", timeoutMs: 20_000 });
  parent.kill("SIGKILL");
  const ended = waitFor(() => startTicksOf(pid) === undefined, { what: "its end", timeoutMs: 20_000 });
  await expect(ended).resolves.toBe(true);
});
