// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "@longshore/mapper";
import { resolveHost, resolveSerialPort } from "./access.ts";
import { createBus, type Bus, type BusOptions } from "./bus.ts";
import { connectSerial, connectTcp } from "./connect.ts";
import { ModbusError } from "./errors.ts";
import type { Connect } from "./link.ts";
import type { ModbusOptions } from "./options.ts";
import type { Line, SerialLine, TcpLine } from "./place.ts";

/** A device's hold on a line that others may hold too. */
export interface Lease {
  readonly bus: Bus;
  /** The last one closes the line. A second call does nothing. */
  release(): void;
}

/** All lines of a mapper: one connection for each host and port, one bus for each serial port. */
export interface Lines {
  /** @throws {ModbusError} ADDRESS_REFUSED, CONNECT_FAILED */
  lease(line: Line): Promise<Lease>;
}

interface Shared {
  readonly line: Line;
  readonly bus: Bus;
  leases: number;
}

/** Connects to whatever a line leads to. */
export interface Connectors {
  readonly tcp: typeof connectTcp;
  readonly serial: typeof connectSerial;
}

export function createLines(
  options: ModbusOptions,
  clock: Clock,
  connectors: Connectors = { tcp: connectTcp, serial: connectSerial },
): Lines {
  const shared = new Map<string, Shared>();
  const closing = new Map<string, Promise<void>>();

  function join(key: string, line: Line, make: () => Bus): Lease {
    const held = shared.get(key) ?? { line, bus: make(), leases: 0 };
    if (!isSameLine(held.line, line)) {
      throw new ModbusError("ADDRESS_REFUSED", "another device uses this serial port with other settings");
    }
    shared.set(key, held);
    held.leases++;
    let isHeld = true;
    return {
      bus: held.bus,
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        if (--held.leases > 0) return;
        shared.delete(key);
        held.bus.close();
      },
    };
  }
  const remember = (path: string, closed: Promise<void>): Promise<void> => {
    closing.set(path, closed);
    void closed.then(() => closing.get(path) === closed && closing.delete(path));
    return closed;
  };
  const joinSerial = async (line: SerialLine): Promise<Lease> => {
    const path = await resolveSerialPort(line.path, options);
    const connect: Connect = async () => {
      await closing.get(path); // of a bus before this one: a port has one user
      const link = await connectors.serial(path, line);
      return { ...link, close: () => remember(path, link.close()) };
    };
    return join(path, { ...line, path }, () => createBus(connect, serialBus(options, line), clock));
  };
  const joinTcp = (line: TcpLine): Lease => {
    const connect: Connect = async () =>
      connectors.tcp(await resolveHost(line.host, options), line.port, options.connectTimeoutMs);
    const key = `${line.host.toLowerCase()}|${line.port}`;
    // Requests over TCP have numbers: a late answer is known as one, and nobody needs a pause.
    return join(key, line, () => createBus(connect, { ...options, gapMs: 0, settleMs: 0 }, clock));
  };
  return {
    lease: async (line) => (line.kind === "rtu" ? joinSerial(line) : joinTcp(line)),
  };
}

/** Hosts are found by name and port already; a serial line is one by its port, whatever it is set to. */
const isSameLine = (one: Line, other: Line): boolean => one.kind === "tcp" || isDeepStrictEqual(one, other);

/** Start, data, parity and stop bits; rounded up. */
const BITS_PER_CHARACTER = 12;
/** Modbus over Serial Line 1.02, section 2.5.1.1: 3.5 characters, and 1.75 ms from 19,200 baud on. */
const GAP_CHARACTERS = 3.5;
const MIN_GAP_MS = 1.75;

const serialBus = (options: ModbusOptions, { baudRate }: SerialLine): BusOptions => ({
  ...options,
  gapMs: Math.ceil(Math.max(MIN_GAP_MS, (GAP_CHARACTERS * BITS_PER_CHARACTER * 1000) / baudRate)),
});
