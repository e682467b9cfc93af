// SPDX-License-Identifier: Apache-2.0
import { resolve } from "node:path";
import { systemClock } from "../clock.ts";
import { programOf, schemaOfFile, systemDisk, type Slot } from "../trial/index.ts";
import { ArgumentError, DEFAULT_AGENT_DIR, parseArguments, type LauncherArguments } from "./arguments.ts";
import { PARENT_VARIABLE, startChild } from "./child.ts";
import { launch, NoAgentError } from "./launcher.ts";
import { stderrLog } from "./log.ts";
import { DEFAULT_LAUNCHER } from "./options.ts";
import { endOrphans } from "./orphans.ts";
import { seedSlot } from "./seed.ts";

const HELP = `starts the edge agent of Longshore, and takes changes of it back that it does not bear

  longshore-launcher [--agent-dir <folder>] [--stay] [--seed <folder>] [the agent's arguments] [-- <options of Node>]

  --agent-dir <folder>   slots of the agent (default ${DEFAULT_AGENT_DIR})
  --stay                 stay its parent and start it again for ever, where nothing else does
  --seed <folder>        agent for the first slot, where there is none yet
  --grace-ms <n>         from asking the agent to end to ending it (default ${DEFAULT_LAUNCHER.graceMs})
  --poll-ms <n>          how often a trial's file is read (default ${DEFAULT_LAUNCHER.pollMs})
  --restart-ms <n>       first pause before it is started again (default ${DEFAULT_LAUNCHER.restartMs})
  --restart-max-ms <n>   longest such pause (default ${DEFAULT_LAUNCHER.restartMaxMs})
  --calm-ms <n>          after so long those pauses begin anew (default ${DEFAULT_LAUNCHER.calmMs})
  --help                 print this and exit
`;

const Exit = { usage: 64, noInput: 66, software: 70 } as const;

/** Composition root: the only place that reads process.argv and process.env and that exits. */
async function main(): Promise<number> {
  const given = parseArguments(process.argv.slice(2));
  if (given.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const { seed, options } = given;
  const agentDir = resolve(given.agentDir);
  await endOrphans(agentDir, systemClock, options.graceMs, stderrLog);
  if (seed !== undefined) await seedSlot(systemDisk, agentDir, seed, stderrLog);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== PARENT_VARIABLE));
  const command = (slot: Slot): string[] => argumentsFor({ ...given, agentDir }, slot);
  return launch({
    parts: { disk: systemDisk, agentDir, schemaOf: schemaOfFile },
    become: becomer(given, command, env),
    start: (slot, keepTail) => startChild({ node: process.execPath, args: command(slot), env }, keepTail),
    clock: systemClock,
    log: stderrLog,
    stopping: stopSignal(),
    options,
  });
}

const argumentsFor = ({ agentDir, agent, node }: LauncherArguments, slot: Slot): string[] => [
  ...node,
  programOf(agentDir, slot),
  "--agent-dir",
  agentDir,
  ...agent,
];

/** Undefined where the launcher is to stay, or this Node cannot become another program (before 22.15). */
function becomer(
  given: LauncherArguments,
  command: (slot: Slot) => string[],
  env: Record<string, string | undefined>,
): ((slot: Slot) => void) | undefined {
  if (given.stay || !("execve" in process)) return undefined;
  return (slot) => process.execve?.(process.execPath, [process.execPath, ...command(slot)], env);
}

function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stopping.abort());
  return stopping.signal;
}

// Nobody listens to what an agent on trial writes: it matters more.
for (const output of [process.stdout, process.stderr]) output.on("error", () => undefined);

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    stderrLog("error", error instanceof Error ? error.message : String(error));
    if (error instanceof ArgumentError) process.exit(Exit.usage);
    process.exit(error instanceof NoAgentError ? Exit.noInput : Exit.software);
  },
);
