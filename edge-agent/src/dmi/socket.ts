// SPDX-License-Identifier: Apache-2.0
import { chmodSync, existsSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { connect, type Server } from "node:net";
import { dirname } from "node:path";
import { DmiSocketError } from "./port.ts";

const ANSWER_TIMEOUT_MS = 1_000;

/** Does a process listen there? Whoever does not answer in a second but takes the connection does. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (answered: boolean): void => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => end(true));
    socket.once("connect", () => end(true));
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code !== "ECONNREFUSED"));
  });
}

/** Removes what an agent left behind that died: a socket that nobody listens on, and nothing else. */
async function clear(path: string): Promise<void> {
  const info = lstatSync(path, { throwIfNoEntry: false });
  if (info === undefined) return;
  if (!info.isSocket()) throw new DmiSocketError("NOT_A_SOCKET", `${path} is not a socket`);
  if (await isAnswered(path)) throw new DmiSocketError("IN_USE", `another process listens on ${path}`);
  rmSync(path, { force: true });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
}

/** Level by level: Node's own recursive way never returns where the kernel refuses a folder as not found (/proc). */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

/**
 * Lets the server listen on the path. The folder is made for root alone where it is missing; one that is there is
 * left as it is, for KubeEdge's own files are in it.
 *
 * @throws {DmiSocketError}
 */
export async function listenOn(server: Server, path: string, mode: number): Promise<void> {
  try {
    makeFolder(dirname(path));
    await clear(path);
    await listen(server, path);
    chmodSync(path, mode);
  } catch (error) {
    if (error instanceof DmiSocketError) throw error;
    const reason = error instanceof Error ? error.message : "unknown";
    throw new DmiSocketError("IO", `cannot listen on ${path}: ${reason}`, { cause: error });
  }
}
