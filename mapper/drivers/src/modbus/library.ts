// SPDX-License-Identifier: Apache-2.0
import type { EventEmitter } from "node:events";
import type ModbusRTU from "modbus-serial";

/** A client of modbus-serial. */
export type Client = ModbusRTU.default;

/** Its port for RTU on a serial line, whose types are not published. `_buffer` is what has come and is not read yet. */
export interface RtuPort extends EventEmitter {
  _buffer: Buffer;
  write(request: Buffer): void;
  close(done: (error?: Error | null) => void): void;
}

export interface RtuPortOptions {
  readonly baudRate: number;
  readonly dataBits: number;
  readonly parity: string;
  readonly stopBits: number;
}

interface Library {
  readonly ModbusRTU: new (port?: RtuPort) => Client;
  /** undefined where the native part of `serialport` cannot be loaded */
  readonly RtuPort: (new (path: string, options: RtuPortOptions) => RtuPort) | undefined;
}

/** The library, 15 MB of memory: not before a device needs it. */
export async function loadLibrary(): Promise<Library> {
  const { default: library } = (await import("modbus-serial")) as unknown as {
    default: Library["ModbusRTU"] & { readonly RTUBufferedPort?: Library["RtuPort"] };
  };
  return { ModbusRTU: library, RtuPort: library.RTUBufferedPort };
}
