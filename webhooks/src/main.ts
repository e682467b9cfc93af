// SPDX-License-Identifier: Apache-2.0
import { readFileSync, watch } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { pino } from "pino";
import { ADMISSION_RULES } from "./rules.ts";
import { createAdmissionServer } from "./server.ts";

const { values } = parseArgs({
  options: {
    "bind-address": { type: "string", default: "0.0.0.0" },
    port: { type: "string", default: "8443" },
    "tls-cert-file": { type: "string", default: "/etc/longshore/webhook/tls.crt" },
    "tls-key-file": { type: "string", default: "/etc/longshore/webhook/tls.key" },
  },
});

const log = pino({ name: "webhooks" });
const readTls = (): { cert: string; key: string } => ({
  cert: readFileSync(values["tls-cert-file"], "utf8"),
  key: readFileSync(values["tls-key-file"], "utf8"),
});

const server = createAdmissionServer({
  rules: ADMISSION_RULES,
  tls: readTls(),
  onOutcome: (outcome) => {
    if (outcome.result !== "allowed") log.info(outcome, "review not allowed");
  },
});

// A mounted Secret is swapped as a whole directory, so the directory is what must be watched.
const watcher = watch(dirname(values["tls-cert-file"]), () => {
  try {
    (server.server as unknown as { setSecureContext(tls: object): void }).setSecureContext(readTls());
    log.info("serving certificate reloaded");
  } catch (error) {
    log.warn({ err: error }, "serving certificate not reloaded, the old one stays");
  }
});

await server.listen({ host: values["bind-address"], port: Number(values.port) });
log.info({ port: Number(values.port), rules: ADMISSION_RULES.length }, "admission server is up");

process.once("SIGTERM", () => {
  watcher.close();
  void server.close();
});
