// SPDX-License-Identifier: Apache-2.0
import { systemClock, type Clock, type MapperDefinition } from "@longshore/mapper";
import { createLines } from "./lines.ts";
import { DEFAULT_MODBUS_OPTIONS, type ModbusOptions } from "./options.ts";
import { openSlave, type Slave } from "./slave.ts";

/** The mapper for slaves that speak Modbus over TCP, or RTU on a serial line. */
export function modbusMapper(
  options: Partial<ModbusOptions> = {},
  clock: Clock = systemClock,
): MapperDefinition<Slave> {
  const all = { ...DEFAULT_MODBUS_OPTIONS, ...options };
  const lines = createLines(all, clock);
  return {
    protocol: "modbus",
    open: (device) => openSlave(device, lines, all.timeoutMs),
    read: (slave, property, context) => slave.read(property, context),
    write: (slave, property, value, context) => slave.write(property, value, context),
    close: (slave) => slave.close(),
  };
}
