// SPDX-License-Identifier: Apache-2.0
import { readFileSync, statSync } from "node:fs";
import type { Layout } from "../cluster/layout.ts";
import { logOf } from "../cluster/processes.ts";

export interface MapperLine {
  readonly device?: string;
  readonly msg: string;
}

/** What the mapper has logged about one device since this was called. */
export function mapperLogOf(
  layout: Layout,
  device: string,
  name: string = "mapper",
): () => readonly string[] {
  const path = logOf(layout, name);
  const from = statSync(path).size;
  return () =>
    readFileSync(path)
      .subarray(from)
      .toString()
      .split("\n")
      .filter((line) => line.startsWith("{") && line.endsWith("}"))
      .map((line) => JSON.parse(line) as MapperLine)
      .filter((line) => line.device === device)
      .map(({ msg }) => msg);
}
