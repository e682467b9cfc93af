// SPDX-License-Identifier: Apache-2.0
// A whole mapper: `node thermometer.js --dmi-socket /etc/kubeedge/dmi.sock --socket /etc/kubeedge/thermometer.sock`
import { parseArgs } from "node:util";
import { createMapper } from "@longshore/mapper";
import pino from "pino";
import { createThermometerDriver } from "./thermometer.ts";

const { values } = parseArgs({
  options: {
    "dmi-socket": { type: "string", default: process.env["DMI_SOCKET"] ?? "/etc/kubeedge/dmi.sock" },
    socket: { type: "string", default: process.env["MAPPER_SOCKET"] ?? "/etc/kubeedge/thermometer.sock" },
  },
});
const log = pino({ level: process.env["LOG_LEVEL"] ?? "info", base: null });

const mapper = createMapper({
  name: "thermometer-mapper",
  version: "v1.0.0",
  protocol: "virtual", // devices with this spec.protocol.protocolName come to us
  address: values.socket,
  dmiSocket: values["dmi-socket"],
  driver: createThermometerDriver(),
  log,
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => void mapper.stop());
}
await mapper.start();
log.info({ socket: values.socket }, "thermometer mapper started");
