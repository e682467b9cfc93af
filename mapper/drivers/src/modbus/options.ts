// SPDX-License-Identifier: Apache-2.0
import type { AccessOptions } from "./access.ts";

/** Limits and times of the Modbus mapper, milliseconds. */
export interface ModbusOptions extends AccessOptions {
  /** How long a slave may take to answer. Default 1 s; a device's `TimeoutMs` is for that device. */
  readonly timeoutMs: number;
  /** Default 3 s. */
  readonly connectTimeoutMs: number;
  /** How long a slave on a serial line that did not answer is left alone. Default 1 s. */
  readonly settleMs: number;
  /** After a failed connect, requests fail at once for so long. Default 1 s. */
  readonly reconnectPauseMs: number;
  /** Requests in a row without an answer after which a line is opened anew. Default 5. */
  readonly reopenAfterTimeouts: number;
  /** Requests that may wait for one line. Default 256. */
  readonly maxWaiting: number;
}

export const DEFAULT_MODBUS_OPTIONS: ModbusOptions = {
  serialPorts: [],
  networks: undefined,
  timeoutMs: 1_000,
  connectTimeoutMs: 3_000,
  settleMs: 1_000,
  reconnectPauseMs: 1_000,
  reopenAfterTimeouts: 5,
  maxWaiting: 256,
};

/** Reads `MODBUS_SERIAL_PORTS` and `MODBUS_NETWORKS`: lists with commas. */
export function modbusOptionsOf(env: Readonly<Record<string, string | undefined>>): ModbusOptions {
  const list = (name: string): string[] | undefined =>
    env[name]
      ?.split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "");
  return {
    ...DEFAULT_MODBUS_OPTIONS,
    serialPorts: list("MODBUS_SERIAL_PORTS") ?? [],
    networks: list("MODBUS_NETWORKS"),
  };
}
