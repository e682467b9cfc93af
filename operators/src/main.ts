// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { pino, stdSerializers, type Logger } from "pino";
import { Registry, collectDefaultMetrics } from "prom-client";
import { createControllersPart, type ControllersPart } from "./roles/controllers.ts";
import { createHubRunnable } from "./roles/hub.ts";
import { ConfigError, configHelp, readConfig, shownConfig, type Config } from "./config/index.ts";
import {
  clusterCaOf,
  createClient,
  createManager,
  loadKubeConfig,
  type KubeClient,
  type Manager,
} from "./runtime/index.ts";

/** sysexits.h: why we ended, for whoever restarts us. */
const EXIT = { ok: 0, secondSignal: 1, software: 70 } as const;

/** Composition root: the only place that reads process.argv and process.env, and that exits. */
async function main(): Promise<void> {
  const read = readConfig({
    argv: process.argv.slice(2),
    env: process.env,
    readFile: (path) => readFileSync(path, "utf8"),
  });
  if (read.action === "help") {
    process.stdout.write(configHelp());
    return;
  }
  const { config } = read;
  const log = pino({ level: config.logLevel, base: null, serializers: { err: stdSerializers.errWithCause } });
  dieOnUncaught(log);
  const signal = untilSignal(log);
  log.info({ config: shownConfig(config) }, "starting");
  await run(config, log, signal).catch((error: unknown) => {
    log.fatal({ err: error }, "ended by an error");
    process.exit(error instanceof ConfigError ? error.exitCode : EXIT.software);
  });
  log.info({}, "stopped");
  process.exit(EXIT.ok);
}

async function run(config: Config, log: Logger, signal: AbortSignal): Promise<void> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const kubeConfig = kubeConfigOf(config);
  const client = createClient({
    kubeConfig,
    userAgent: `longshore-${config.role}`,
    registry,
  });
  const controllers =
    config.role === "hub" ? undefined : createControllersPart({ config, client, registry, log });
  const manager = createProcessManager({ config, client, registry, log }, controllers);
  if (controllers) {
    manager.addReadyCheck("controllers", () => controllers.checkReady());
    manager.add(controllers);
  }
  // The hub is never leader-elected, and its writes are not the leader's: it has the plain client.
  if (config.role !== "controllers") {
    const machine = { hostname: hostname(), interfaces: networkInterfaces() };
    const clusterCa = clusterCaOf(kubeConfig);
    manager.add(createHubRunnable({ config, client, manager, registry, log, machine, clusterCa }));
  }
  await manager.start(signal);
  await client.close();
}

interface ProcessDeps {
  readonly config: Config;
  readonly client: KubeClient;
  readonly registry: Registry;
  readonly log: Logger;
}

/** Probes and metrics of the whole process, and what is never leader-elected: it lives as long as the process. */
function createProcessManager(
  { config, client, registry, log }: ProcessDeps,
  controllers: ControllersPart | undefined,
): Manager {
  const { metrics, probes } = config;
  return createManager({
    client,
    // The controllers have metrics of these names; this manager has no controller.
    registry: controllers ? new Registry() : registry,
    log,
    metrics: {
      bindAddress: metrics.bindAddress,
      port: controllers ? metrics.controllersPort : metrics.hubPort,
      registries: () => (controllers ? [registry, controllers.metrics()] : [registry]),
    },
    probes,
  });
}

function kubeConfigOf(config: Config): ReturnType<typeof loadKubeConfig> {
  try {
    return loadKubeConfig(config.kubeconfig);
  } catch (error) {
    throw new ConfigError("CONFIG_INVALID", [
      `kubeconfig: ${error instanceof Error ? error.message : "cannot be read"}`,
    ]);
  }
}

function dieOnUncaught(log: Logger): void {
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) => {
      log.fatal({ err: error }, event);
      process.exit(EXIT.software);
    });
  }
}

/** Aborted by the first SIGTERM or SIGINT; the second ends us at once. */
function untilSignal(log: Logger): AbortSignal {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(EXIT.secondSignal);
    log.info({ signal: name }, "stopping");
    controller.abort(new Error(`stopped by ${name}`));
  };
  for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, onSignal);
  return controller.signal;
}

main().catch((error: unknown) => {
  if (error instanceof ConfigError) {
    for (const fault of error.faults) process.stderr.write(`${fault}\n`);
    process.exit(error.exitCode);
  }
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : "failed"}\n`);
  process.exit(EXIT.software);
});
