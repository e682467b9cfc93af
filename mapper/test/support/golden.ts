// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";

/** One recorded call between KubeEdge's agent and a real Go mapper. */
export interface GoldenCall {
  readonly dir: "edge->mapper" | "mapper->edge";
  readonly method: string;
  readonly request: Buffer;
  readonly response: Buffer;
}

interface Line {
  readonly dir: GoldenCall["dir"];
  readonly method: string;
  readonly request_base64: string;
  readonly response_base64: string;
}

/** The calls of a recording, in their order. */
export function recorded(file: string): GoldenCall[] {
  const text = readFileSync(new URL(`../../../crds/test/golden/${file}.jsonl`, import.meta.url), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => {
      const { dir, method, request_base64, response_base64 } = JSON.parse(line) as Line;
      const [request, response] = [request_base64, response_base64].map((base64) =>
        Buffer.from(base64, "base64"),
      ) as [Buffer, Buffer];
      return { dir, method, request, response };
    });
}

/** The recorded calls of one method. Fails where there is none. */
export function callsOf(calls: readonly GoldenCall[], method: string): [GoldenCall, ...GoldenCall[]] {
  const [first, ...rest] = calls.filter((call) => call.method === method);
  if (first === undefined) throw new Error(`no ${method} was recorded`);
  return [first, ...rest];
}
