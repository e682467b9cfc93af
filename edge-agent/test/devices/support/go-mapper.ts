// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, rmSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const PROTO = join(import.meta.dirname, "../../../../crds/proto/dmi/v1beta1/api.proto");

/** The program that `make test` built last. */
function programOf(module: string): string {
  const folder = join(homedir(), ".cache/longshore", module);
  const ageOf = (name: string): number => statSync(join(folder, name)).mtimeMs;
  try {
    const [newest = ""] = readdirSync(folder).sort((a, b) => ageOf(b) - ageOf(a));
    return join(folder, newest, "go-mapper");
  } catch (cause) {
    throw new Error(`${folder} holds no program: "make test" builds it, see hack/go-mapper`, { cause });
  }
}

/** A line of what the mapper was told. */
export interface GoMapperLine {
  readonly event: string;
  readonly details: unknown;
}

/** A process with a mapper on grpc-go. */
export interface GoMapper {
  readonly lines: GoMapperLine[];
  readonly events: () => string[];
  /** As kill -9; ends when it is dead. */
  readonly kill: () => Promise<void>;
  readonly signal: (signal: NodeJS.Signals) => void;
}

export interface GoMapperOptions {
  /** of hack/go-mapper: `go-mapper`, or `go-mapper-1.56` with a grpc-go of before 1.57 */
  readonly module: string;
  readonly agent: string;
  readonly socket: string;
  readonly dial?: "path" | "unix";
  readonly name?: string;
  readonly token?: string;
  /** It asks the agent for the interface. */
  readonly isReflecting?: boolean;
}

/** Starts the mapper. */
export function startGoMapper({ module, agent, socket, dial = "path", ...more }: GoMapperOptions): GoMapper {
  rmSync(socket, { force: true });
  const args = [
    "-proto",
    more.isReflecting === true ? "" : PROTO,
    "-agent",
    agent,
    "-socket",
    socket,
    "-dial",
    dial,
  ];
  if (more.name !== undefined) args.push("-name", more.name);
  if (more.token !== undefined) args.push("-token", more.token);
  const child: ChildProcess = spawn(programOf(module), args, { stdio: ["ignore", "pipe", "inherit"] });
  const lines: GoMapperLine[] = [];
  let rest = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    const parts = (rest + chunk.toString("utf8")).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts.map((line) => JSON.parse(line) as GoMapperLine));
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  return {
    lines,
    events: () => lines.map(({ event }) => event),
    signal: (signal) => void child.kill(signal),
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
