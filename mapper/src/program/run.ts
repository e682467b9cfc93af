// SPDX-License-Identifier: Apache-2.0
import { reasonOf } from "../errors.ts";
import { createLog, type MapperLog } from "../log.ts";
import type { Mapper } from "../mapper.ts";
import { readInvocation, type HttpAddress, type Settings } from "./settings.ts";

/**
 * Starts what answers other programs over HTTP, by `mapper.api` and `mapper.metrics()`.
 *
 * @throws when the address cannot be had
 */
export type Serve = (mapper: Mapper, address: HttpAddress, log: MapperLog) => Promise<Served>;

export interface Served {
  /** The one that it got, where any was asked for. */
  readonly port: number;
  readonly close: () => Promise<void>;
}

export interface Program {
  readonly name: string;
  readonly version: string;
  create(settings: Settings, env: Env, log: MapperLog): Mapper;
  /** What listens on `--http`. */
  readonly serve: Serve;
}

export type Env = Readonly<Record<string, string | undefined>>;

/** What a program needs of its process; a test has its own. */
export interface Host {
  print(text: string): void;
  complain(text: string): void;
  onSignal(callback: () => void): void;
  exit(code: number): void;
}

const WRONG_USAGE = 2;
const FAILED = 1;

/** The whole program: reads its command line, runs until a signal, ends the process. */
export async function runProgram(
  program: Program,
  argv: readonly string[],
  env: Env,
  host = own,
): Promise<void> {
  const asked = readInvocation(program, argv, env);
  if (asked.kind === "wrong") {
    host.complain(`${program.name}: ${asked.faults.join("; ")} (--help tells more)\n`);
    host.exit(WRONG_USAGE);
    return;
  }
  if (asked.kind !== "run") {
    host.print(asked.text);
    host.exit(0);
    return;
  }
  const log = createLog({ level: asked.settings.logLevel, write: (line) => host.print(line) });
  try {
    await start(program, asked.settings, env, { log, host });
  } catch (error) {
    log.error({ reason: reasonOf(error) }, "the mapper cannot start");
    host.exit(FAILED);
  }
}

async function start(
  program: Program,
  settings: Settings,
  env: Env,
  { log, host }: { readonly log: MapperLog; readonly host: Host },
): Promise<void> {
  const mapper = program.create(settings, env, log);
  const ends: (() => Promise<void>)[] = [() => mapper.stop()];
  let isStopping = false;
  host.onSignal(() => {
    if (isStopping) {
      host.exit(FAILED);
      return;
    }
    isStopping = true;
    void stop(ends, log).then((code) => {
      host.exit(code);
    });
  });
  // First, for it may fail: then no device is open.
  const server = await listen(program, mapper, settings, log);
  if (server) ends.unshift(server.close);
  await mapper.start();
  log.info({ socket: settings.socket }, "mapper started");
}

/** An address that nobody asked for may be another mapper's: this one works without. */
async function listen(
  { serve }: Program,
  mapper: Mapper,
  { http, isHttpWanted }: Settings,
  log: MapperLog,
): Promise<Served | undefined> {
  if (!http) return undefined;
  try {
    const server = await serve(mapper, http, log);
    log.info({ host: http.host, port: server.port }, "listening for other programs");
    return server;
  } catch (error) {
    if (isHttpWanted) throw error;
    log.warn(
      { ...http, reason: reasonOf(error) },
      "other programs cannot ask this mapper: --http sets where",
    );
    return undefined;
  }
}

async function stop(ends: readonly (() => Promise<void>)[], log: MapperLog): Promise<number> {
  log.info({}, "mapper stopping");
  const results = await Promise.allSettled(ends.map((end) => end()));
  const failed = results.filter((result) => result.status === "rejected");
  for (const { reason } of failed) log.error({ reason: reasonOf(reason) }, "the mapper did not stop cleanly");
  if (failed.length === 0) log.info({}, "mapper stopped");
  return failed.length === 0 ? 0 : FAILED;
}

/** This process. Whoever reads its log may go away without ending it. */
const own: Host = {
  print: (text) => {
    if (process.stdout.listenerCount("error") === 0) process.stdout.on("error", () => undefined);
    process.stdout.write(text);
  },
  complain: (text) => void process.stderr.write(text),
  onSignal: (callback) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, callback);
  },
  exit: (code) => process.exit(code),
};
