// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SMALL_HEAP } from "../cluster/edge.ts";
import { CLONE } from "../cluster/layout.ts";

it.each(["config/agent/longshore-agent.service", "Dockerfile", "docs/install.md", "docs/agent-upgrades.md"])(
  "%s starts the agent with the options of Node that it is measured with",
  (path) => {
    const text = readFileSync(join(CLONE, path), "utf8").replaceAll('", "', " ");
    const starts = text.split("\n").filter((line) => /edgecore\.yaml -- |\/edge-agent\.js"?\]?$/.test(line));
    expect(starts).toEqual([expect.stringContaining(` ${SMALL_HEAP.join(" ")}`)]);
  },
);
