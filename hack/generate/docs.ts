// SPDX-License-Identifier: Apache-2.0
import { configTable, ignoredKeys, SCHEMA } from "../../edge-agent/src/config/index.ts";
import { configDocs } from "../../operators/src/config/index.ts";
import { helpText } from "../../webhooks/src/options.ts";
import type { Outputs } from "./outputs.ts";

/** The reference of every setting of every program, from the same schemas that the programs read. */
export function docOutputs(): Outputs {
  const text = `${[
    "# Configuration",
    "Written by `make generate` from the schemas that the programs read; do not edit.",
    "## Controllers and hub",
    "`operators.js` takes each setting as a flag, as a variable, or as a key of the YAML file that `--config` or `LONGSHORE_CONFIG` names. A flag wins over its variable, that over the file, that over the default. Unknown keys and flags are refused, and all faults are told at once: exit code 64 for the command line, 78 for the rest.",
    configDocs().trimEnd(),
    "## Edge agent",
    "`edge-agent.js --config <file>` (default `/etc/kubeedge/config/edgecore.yaml`) reads KubeEdge's file, `edgecore.config.kubeedge.io/v1alpha2`, with a section `longshore` for what is ours. Durations are Go's text (`10s`, `1m30s`); defaults are shown in milliseconds. Unknown keys are refused with file and line, exit code 78.",
    configTable(SCHEMA).trimEnd(),
    "These keys of KubeEdge are accepted and not used; the agent names those that it found in one log line at its start:",
    ignoredKeys(SCHEMA)
      .map((key) => `\`${key}\``)
      .join(", "),
    "## Webhooks",
    "`webhooks.js` takes flags only; a wrong one ends it with exit code 64, an unusable certificate with 78.",
    `\`\`\`\n${helpText().trimEnd()}\n\`\`\``,
  ].join("\n\n")}\n`;
  return new Map([["docs/configuration.gen.md", text]]);
}
