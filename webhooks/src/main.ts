// SPDX-License-Identifier: Apache-2.0
import { pino, stdSerializers, type Logger } from "pino";
import { Registry, collectDefaultMetrics } from "prom-client";
import { createWebhookMetrics } from "./metrics.ts";
import { helpText, parseCommandLine, UsageError, type Options } from "./options.ts";
import { listenPlain, type Page } from "./plain-http.ts";
import { ADMISSION_RULES } from "./rules.ts";
import { createAdmissionServer, type Observer } from "./server.ts";
import { CertError, readServingCert, watchServingCert, type ServingCert } from "./serving-cert.ts";

/** sysexits.h: why we ended, for whoever restarts us. */
const EXIT = { ok: 0, secondSignal: 1, software: 70 } as const;

/** Composition root: the only place that reads process.argv and that exits. */
async function main(): Promise<void> {
  const line = parseCommandLine(process.argv.slice(2));
  if (line.action === "help") {
    process.stdout.write(helpText());
    return;
  }
  const { options } = line;
  const log = pino({
    level: options.logLevel,
    base: null,
    serializers: { err: stdSerializers.errWithCause },
  });
  dieOnUncaught(log);
  const signal = untilSignal(log);
  const stop = await serve(options, log);
  await aborted(signal);
  await stop();
  log.info({}, "stopped");
  process.exit(EXIT.ok);
}

/** @returns stops everything */
async function serve(options: Options, log: Logger): Promise<() => Promise<void>> {
  const { bindAddress, port } = options;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const server = createAdmissionServer({
    rules: ADMISSION_RULES,
    tls: readServingCert(options),
    observer: observerOf(registry, log),
  });
  const stopWatching = watchServingCert(options, {
    changed(next: ServingCert) {
      (server.server as unknown as { setSecureContext(tls: object): void }).setSecureContext(next);
      log.info({}, "serving certificate reloaded");
    },
    failed: (error) => log.warn({ err: error }, "serving certificate not reloaded, the old one stays"),
  });
  const ok: Page = () => Promise.resolve({ text: "ok", type: "text/plain; charset=utf-8" });
  const metrics: Page = async () => ({ text: await registry.metrics(), type: registry.contentType });
  await server.listen({ host: bindAddress, port });
  const plain = [
    await listenPlain(bindAddress, options.metricsPort, { "/metrics": metrics }),
    await listenPlain(bindAddress, options.probesPort, { "/healthz": ok, "/readyz": ok }),
  ];
  log.info({ port, rules: ADMISSION_RULES.length }, "admission server is up");
  return async () => {
    stopWatching();
    await server.close();
    for (const listener of plain) await listener.close();
  };
}

function observerOf(registry: Registry, log: Logger): Observer {
  const metrics = createWebhookMetrics(registry);
  return {
    started: (path) => metrics.started(path),
    ended(outcome) {
      metrics.ended(outcome);
      if (outcome.result === "denied") log.info(outcome, "review denied");
      if (outcome.result === "refused") log.warn(outcome, "request refused");
    },
    panicked(path, error) {
      metrics.panicked(path);
      log.error({ path, err: error }, "rule failed");
    },
  };
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
    controller.abort();
  };
  for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, onSignal);
  return controller.signal;
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

main().catch((error: unknown) => {
  const isExpected = error instanceof UsageError || error instanceof CertError;
  const text =
    error instanceof Error ? (isExpected ? error.message : (error.stack ?? error.message)) : "failed";
  process.stderr.write(`${text}\n`);
  process.exit(isExpected ? error.exitCode : EXIT.software);
});
