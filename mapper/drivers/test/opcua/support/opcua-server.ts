// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A server of asyncua, on a port of its own. */
export interface OpcuaServer {
  readonly port: number;
  readonly url: string;
  readonly certificateFile: string;
  /** Says nothing more, and keeps its connections. */
  freeze(): void;
  stop(): Promise<void>;
}

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const PYTHON = "/usr/bin/python3";

/** Debian has no such server: pip installs it once, into the user's cache, from a list of exact versions. */
function ensureLibrary(): string {
  const list = here("requirements.txt");
  const key = createHash("sha256").update(readFileSync(list)).digest("hex").slice(0, 16);
  const folder = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "longshore/asyncua", key);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  const install = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--no-deps",
    "--only-binary=:all:",
    "--target",
    unfinished,
  ];
  execFileSync(PYTHON, [...install, "-r", list], { stdio: ["ignore", "inherit", "inherit"] });
  try {
    renameSync(unfinished, folder);
  } catch {
    rmSync(unfinished, { recursive: true }); // another test was faster
  }
  return folder;
}

/** @param folder gets key and certificate, and keeps them for a next server */
export async function startOpcuaServer(folder: string, port?: number): Promise<OpcuaServer> {
  const bound = port ?? (await freePort());
  const env = { ...process.env, PYTHONPATH: ensureLibrary() };
  const child = spawn(PYTHON, [here("server.py"), folder, String(bound)], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).once("line", resolve);
    void ended.then(() => reject(new Error("the OPC UA server of the tests does not start")));
  });
  return {
    port: bound,
    url: `opc.tcp://127.0.0.1:${bound}/test`,
    certificateFile: join(folder, "server.der"),
    freeze: () => void child.kill("SIGSTOP"),
    stop: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
