// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { get as getPlain, type IncomingMessage } from "node:http";
import { get as getTls } from "node:https";
import { join } from "node:path";
import type { Layout } from "./layout.ts";
import { waitReady, type ProcessRecord } from "./processes.ts";

const READY_MS = 90_000;
const ANSWER_MS = 2_000;

/** Whether a GET is answered with 200. @param caFile PEM that an https server is verified with */
export function answersOk(url: string, caFile?: string): Promise<boolean> {
  const options = { timeout: ANSWER_MS, agent: false } as const;
  return new Promise((resolve) => {
    const judge = (response: IncomingMessage): void => {
      response.resume();
      resolve(response.statusCode === 200);
    };
    const probe =
      caFile === undefined
        ? getPlain(url, options, judge)
        : getTls(url, { ...options, ca: readFileSync(caFile) }, judge);
    probe.once("timeout", () => probe.destroy());
    probe.once("error", () => resolve(false));
  });
}

/** Resolves when the API server says that it is ready. */
export function waitForApi(layout: Layout, record: ProcessRecord): Promise<void> {
  const port = record.args.find((arg) => arg.startsWith("--secure-port="))?.split("=")[1] ?? "";
  const ca = join(layout.pki, "ca.crt");
  return waitReady(layout, record, READY_MS, () => answersOk(`https://127.0.0.1:${port}/readyz`, ca));
}
