// SPDX-License-Identifier: Apache-2.0
import { hostname } from "node:os";
import pino, { type Logger } from "pino";
import { Registry } from "prom-client";
import { startAgent } from "./agent.ts";
import { systemClock } from "./clock.ts";
import {
  ConfigError,
  ExitCode,
  parseCommandLine,
  readConfigFile,
  refuseEnvironment,
  SCHEMA,
  toAgentConfig,
} from "./config/index.ts";
import { exitCodeOf } from "./exit-code.ts";
import { KUBELET_VERSION } from "./node/index.ts";

const HELP = `edge agent of Longshore

  --agent-dir <dir> slots of the agent; its launcher gives it
  --config <path>   configuration, in the shape of KubeEdge's edgecore.yaml
                    (default /etc/kubeedge/config/edgecore.yaml)
  --hash-password   read a password from standard input, print its hash for
                    longshore.bus.credentialsFile and exit
  --version         print the version and exit
  --help            print this and exit
`;

/** Composition root: the only place that reads process.argv and process.env and that exits. */
async function main(): Promise<void> {
  const { config: file, agentDir, action } = parseCommandLine(process.argv.slice(2));
  if (action !== "run") {
    process.stdout.write(action === "hash-password" ? `${await hashOfInput()}\n` : wordsFor(action));
    return;
  }
  refuseEnvironment(process.env);
  process.umask(0o022); // containers that are not root read what is mounted; what is secret has a mode of its own
  const { settings, ignored } = readConfigFile(file, SCHEMA);
  const config = toAgentConfig(settings, hostname());
  const log = pino({ level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime });
  exitOnUncaught(log);
  if (ignored.length > 0) log.info({ keys: ignored }, "settings of KubeEdge that this agent does not use");
  const stopping = new AbortController();
  let stop = (): Promise<void> => Promise.resolve();
  const end = endOnce(log, async () => {
    stopping.abort();
    await stop();
  });
  onStopSignal(log, end);
  log.info({ node: config.node.name, version: KUBELET_VERSION }, "starting");
  try {
    stop = await startAgent({
      config,
      configFile: file,
      agentDir,
      log,
      clock: systemClock,
      registry: new Registry(),
      restart: () => setImmediate(end), // a job may want it before the start is over
      signal: stopping.signal,
    });
  } catch (err) {
    if (stopping.signal.aborted) return;
    log.error({ err }, "the agent cannot start");
    process.exit(exitCodeOf(err));
  }
}

const wordsFor = (action: "help" | "version"): string => (action === "help" ? HELP : `${KUBELET_VERSION}\n`);

const MAX_PASSWORD_CHARS = 1_024;

/** @throws {ConfigError} 65 for no password, or one that is too long */
async function hashOfInput(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin.setEncoding("utf8")) {
    text += String(chunk);
    if (text.length > MAX_PASSWORD_CHARS || text.includes("\n")) break;
  }
  const password = text.split(/\r?\n/)[0] ?? "";
  if (password === "" || password.length > MAX_PASSWORD_CHARS)
    throw new ConfigError(ExitCode.data, [`a password has 1 to ${MAX_PASSWORD_CHARS} characters`]);
  const { hashPassword } = await import("./bus/index.ts");
  return hashPassword(password);
}

function exitOnUncaught(log: Logger): void {
  const end = (err: unknown): void => {
    log.fatal({ err }, "uncaught error, the agent ends; containers go on running");
    process.exit(ExitCode.software);
  };
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
}

/** A job may want a restart where nobody is there to kill what hangs. */
const STOP_TIMEOUT_MS = 30_000;

/** Ends the process in order; with 0, for whoever started it is to start it again or wanted it to end. */
function endOnce(log: Logger, stop: () => Promise<void>): () => void {
  let isEnding = false;
  return () => {
    if (isEnding) return;
    isEnding = true;
    setTimeout(() => {
      log.error("the agent did not stop in time, it ends");
      process.exit(ExitCode.software);
    }, STOP_TIMEOUT_MS).unref();
    stop().then(
      () => process.exit(0),
      (err: unknown) => {
        log.error({ err }, "the agent did not stop in order");
        process.exit(ExitCode.software);
      },
    );
  };
}

/** The first signal stops in order, the second at once. */
function onStopSignal(log: Logger, end: () => void): void {
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (++signals > 1) process.exit(1);
    log.info({ signal }, "stopping; containers go on running");
    end();
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
}

main().catch((error: unknown) => {
  const text = error instanceof ConfigError ? error.message : String(error);
  process.stderr.write(`${text}\n`);
  process.exit(exitCodeOf(error));
});
