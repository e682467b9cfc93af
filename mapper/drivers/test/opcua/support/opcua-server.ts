// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { freePort } from "../../../../../hack/free-port.ts";

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

const PIP_MS = 5 * 60_000;

/** Debian has no such server: pip installs it once, into the user's cache, from a list of exact versions. */
function ensureLibrary(): string {
  const list = here("requirements.txt");
  const key = createHash("sha256").update(readFileSync(list)).digest("hex").slice(0, 16);
  const folder = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "longshore/asyncua", key);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    install(list, unfinished);
    renameSync(unfinished, folder);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(folder)) throw error; // else another test was faster
  }
  return folder;
}

/** Into a folder of its own, which Debian allows: nothing of the system's Python changes. */
function install(list: string, folder: string): void {
  const how = ["--quiet", "--no-input", "--disable-pip-version-check", "--retries", "1", "--timeout", "20"];
  const what = ["--no-deps", "--only-binary=:all:", "--target", folder, "-r", list];
  try {
    execFileSync(PYTHON, ["-m", "pip", "install", ...how, ...what], { stdio: "pipe", timeout: PIP_MS });
  } catch (cause) {
    const said = String((cause as { readonly stderr?: Buffer }).stderr ?? "").trim();
    throw new Error(
      `pip cannot install the OPC UA server of the tests. It needs PyPI or a mirror (PIP_INDEX_URL) once, and python3-pip: ${said.slice(-500)}`,
      { cause },
    );
  }
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
