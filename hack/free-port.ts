// SPDX-License-Identifier: Apache-2.0
import { randomInt } from "node:crypto";
import { isPortFree } from "./cluster/ports.ts";

const FIRST = 11_000;
const RANGE = 2_600;
const RANGES = 8;

/** The ports of a worker of jest, last one excluded: two workers that look at once do not find the same one. */
export function portsOfWorker(worker: number): { readonly from: number; readonly to: number } {
  const from = FIRST + ((worker - 1) % RANGES) * RANGE;
  return { from, to: from + RANGE };
}

const { from, to } = portsOfWorker(Number(process.env["JEST_WORKER_ID"] ?? 1));
let next = randomInt(from, to);

/**
 * A port for a test, that nobody listens on, and that nobody else was given. Not one of the system's own choosing:
 * those it also gives to connections, of other tests too, before whoever asked here comes to listen.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = next;
    next = port + 1 < to ? port + 1 : from;
    if (await isPortFree(port)) return port;
  }
}
