// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

/** A shell that a reader of the documentation sits at: what one command sets, the next one has. */
export interface BashSession {
  /** Output of commands; rejects with it when one of them fails. */
  run(commands: string, timeoutMs: number): Promise<string>;
  /** Ends the shell and everything that it left running. */
  close(): void;
}

const DONE = "--- done";

export function startBash(cwd: string, env: NodeJS.ProcessEnv): BashSession {
  const child = spawn("/bin/bash", ["--noprofile", "--norc"], {
    ...{ cwd, env, detached: true },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const dir = mkdtempSync(join(tmpdir(), "longshore-bash-"));
  let blocks = 0;
  let output = "";
  child.stdin.write("trap 'failed=1' ERR\n");
  const hear = (part: string): void => {
    output += part;
  };
  child.stdout.setEncoding("utf8").on("data", hear);
  child.stderr.setEncoding("utf8").on("data", hear);
  return {
    run: async (commands, timeoutMs) => {
      output = "";
      const file = join(dir, `${++blocks}.sh`);
      writeFileSync(file, `${commands}\n`);
      // Not in a subshell: cd and export are for the next ones too.
      child.stdin.write(`failed=0\nsource ${file} < /dev/null\necho "${DONE} $failed"\n`);
      const code = await ended(child, () => output, timeoutMs);
      const said = output.slice(0, output.lastIndexOf(DONE)).trim();
      if (code !== "0") throw new Error(`failed:\n${commands}\nand said:\n${said}`);
      return said;
    },
    close: () => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

type Bash = ChildProcessByStdio<Writable, Readable, Readable>;

function ended(child: Bash, output: () => string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      child.stdout.off("data", look);
      child.off("close", gone);
    };
    const look = (): void => {
      const code = new RegExp(`^${DONE} (\\d)$`, "m").exec(output())?.[1];
      if (code === undefined) return;
      stop();
      resolve(code);
    };
    const gone = (): void => {
      stop();
      reject(new Error(`the shell ended:\n${output()}`));
    };
    const timer = setTimeout(() => {
      stop();
      reject(new Error(`not done after ${timeoutMs} ms:\n${output()}`));
    }, timeoutMs);
    child.stdout.on("data", look);
    child.once("close", gone);
  });
}
