// SPDX-License-Identifier: Apache-2.0
import {
  createClient,
  loadKubeConfig,
  pause,
  systemClock,
  type KubeClient,
} from "@longshore/operators/runtime";
import { pino, stdSerializers, type Logger } from "pino";
import { Registry, collectDefaultMetrics } from "prom-client";
import { CertificateKeeper, openCertificateSecret, openConfigurations } from "./certificate/index.ts";
import { createDeviceLister, unknownDevices } from "./device-model/devices.ts";
import { createModelReader, unknownModels } from "./device/models.ts";
import { createApplicationLookups, unknownPlaces } from "./edge-application/lookups.ts";
import { Front } from "./front.ts";
import { createUpkeepMetrics, createWebhookMetrics, type Looked, type UpkeepMetrics } from "./metrics.ts";
import { createGroupLookups, unknownNodes } from "./node-group/nodes.ts";
import { helpText, parseCommandLine, UsageError, type Options, type OwnCertificate } from "./options.ts";
import { listenPlain, type Page } from "./plain-http.ts";
import { createRuleLookups, unknownRules } from "./rule/lookups.ts";
import { admissionRules, type RuleDeps } from "./rules.ts";
import type { Observer } from "./server.ts";
import {
  CertError,
  readServingCert,
  watchServingCert,
  type CertFiles,
  type ServingCert,
} from "./serving-cert.ts";

/** sysexits.h: why we ended, for whoever restarts us. */
const EXIT = { ok: 0, secondSignal: 1, software: 70 } as const;
/** One call to the API server for certificates. */
const API_TIMEOUT_MS = 5_000;

/** Composition root: the only place that reads process.argv and process.env, and that exits. */
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

/** What the parts of one process share. */
interface Process {
  readonly options: Options;
  readonly log: Logger;
  readonly registry: Registry;
  readonly upkeep: UpkeepMetrics;
  readonly client: KubeClient | undefined;
}

/** @returns stops everything, in the order that loses no review */
async function serve(options: Options, log: Logger): Promise<() => Promise<void>> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const upkeep = createUpkeepMetrics(registry);
  const own: Process = { options, log, registry, upkeep, client: openClient(options, registry) };
  const front = createFront(own);
  const certificate = keepCertificate(own, front);
  const { bindAddress, metricsPort, probesPort } = options;
  const pages = pagesOf(registry, () => front.notReady ?? certificate.notReady());
  const plain = [
    await listenPlain(bindAddress, metricsPort, { "/metrics": pages.metrics }),
    await listenPlain(bindAddress, probesPort, { "/healthz": pages.healthy, "/readyz": pages.ready }),
  ];
  log.info({ port: options.port }, "admission server starts");
  return async () => {
    front.drain();
    await pause(systemClock, options.drainMs, new AbortController().signal);
    await certificate.stop();
    await front.close();
    await own.client?.close();
    for (const listener of plain) await listener.close();
  };
}

function createFront(own: Process): Front {
  const { bindAddress: host, port, security } = own.options;
  return new Front({
    rules: admissionRules({ ...lookupsOf(own), isStrict: security === "strict" }),
    observer: observerOf(own.registry, own.log),
    host,
    port,
    failed(error) {
      own.log.fatal({ err: error }, "the port of reviews cannot be listened on");
      process.exit(EXIT.software);
    },
  });
}

/** What rules ask the API server. Without one, they judge what an object says of itself. */
function lookupsOf({ client, log, upkeep }: Process): Omit<RuleDeps, "isStrict"> {
  if (client === undefined) return NO_LOOKUPS;
  const failed = (kind: Looked) => (error: unknown) => {
    upkeep.lookupFailed(kind);
    log.warn({ kind, err: error }, "not read for a review, which is admitted with a warning");
  };
  return {
    models: createModelReader({ client, clock: systemClock, failed: failed("devicemodels") }),
    devices: createDeviceLister(client, failed("devices")),
    rules: createRuleLookups(client, (kind, error) => failed(kind)(error)),
    applications: createApplicationLookups(client, (kind, error) => failed(kind)(error)),
    groupNodes: createGroupLookups(client, failed("nodes")),
  };
}

const NO_LOOKUPS: Omit<RuleDeps, "isStrict"> = {
  models: unknownModels,
  devices: unknownDevices,
  rules: unknownRules,
  applications: unknownPlaces,
  groupNodes: unknownNodes,
};

interface Upkeep {
  notReady(): string | undefined;
  stop(): Promise<void> | void;
}

function keepCertificate(own: Process, front: Front): Upkeep {
  const { certificate } = own.options;
  return "certFile" in certificate ? followFiles(certificate, own, front) : keepOwn(certificate, own, front);
}

function followFiles(files: CertFiles, { log }: Process, front: Front): Upkeep {
  front.serve(readServingCert(files));
  const stop = watchServingCert(files, {
    changed(next: ServingCert) {
      front.serve(next);
      log.info({}, "serving certificate reloaded");
    },
    failed: (error) => log.warn({ err: error }, "serving certificate not reloaded, the old one stays"),
  });
  return { notReady: () => undefined, stop };
}

function keepOwn(certificate: OwnCertificate, own: Process, front: Front): Upkeep {
  const { client, log, upkeep, options } = own;
  if (client === undefined)
    throw new UsageError("--kubeconfig or --tls-cert-file is needed outside of a cluster");
  const ended = new AbortController();
  const call = { timeoutMs: API_TIMEOUT_MS, signal: ended.signal };
  const { secretName: name, caLifeMs, servingLifeMs, ...timing } = certificate;
  const keeper = new CertificateKeeper(
    {
      secret: openCertificateSecret(client, { namespace: options.namespace, name }, call),
      configurations: openConfigurations(client, certificate.configurations, call),
      clock: systemClock,
      log,
      observer: upkeep,
      serve: (credential) => front.serve({ cert: credential.certificate, key: credential.key }),
    },
    { ...timing, lives: { caLifeMs, servingLifeMs } },
  );
  const run = keeper.run(ended.signal);
  return {
    notReady: () => keeper.notReady,
    async stop() {
      ended.abort();
      await run;
    },
  };
}

function openClient({ kubeconfig }: Options, registry: Registry): KubeClient | undefined {
  const isInCluster = (process.env["KUBERNETES_SERVICE_HOST"] ?? "") !== "";
  if (kubeconfig === "" && !isInCluster) return undefined;
  return createClient({ kubeConfig: loadKubeConfig(kubeconfig), userAgent: "longshore-webhooks", registry });
}

function pagesOf(
  registry: Registry,
  notReady: () => string | undefined,
): Readonly<Record<"metrics" | "healthy" | "ready", Page>> {
  const ok = { text: "ok", type: "text/plain; charset=utf-8" };
  return {
    healthy: () => Promise.resolve(ok),
    ready() {
      const reason = notReady();
      return reason === undefined ? Promise.resolve(ok) : Promise.reject(new Error(reason));
    },
    metrics: async () => ({ text: await registry.metrics(), type: registry.contentType }),
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
