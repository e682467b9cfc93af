// SPDX-License-Identifier: Apache-2.0
// Links over the modbus-serial library, which is loaded when the first line is opened.
import { ModbusError } from "./errors.ts";
import type { Cells } from "./codec.ts";
import type { Link, Span } from "./link.ts";
import type { SerialLine } from "./place.ts";
import { isBits } from "./point.ts";
import { loadLibrary, type Client } from "./library.ts";

/** An adapter that was pulled out may never tell that its port is closed. */
const CLOSE_TIMEOUT_MS = 1_000;

/** @throws {ModbusError} CONNECT_FAILED */
export async function connectTcp(host: string, port: number, timeoutMs: number): Promise<Link> {
  const { ModbusRTU } = await loadLibrary();
  const client = new ModbusRTU();
  const opened = client.connectTCP(host, { port, timeout: timeoutMs });
  // Not its `close`, which waits for the other side.
  return open(client, opened, (done) => client.destroy(done));
}

/** @throws {ModbusError} CONNECT_FAILED */
export async function connectSerial(path: string, line: SerialLine): Promise<Link> {
  const { ModbusRTU, RtuPort } = await loadLibrary();
  if (RtuPort === undefined) throw new ModbusError("CONNECT_FAILED", "serial ports are not supported here");
  const { baudRate, dataBits, parity, stopBits } = line;
  const port = new RtuPort(path, { baudRate, dataBits, parity, stopBits });
  port.on("error", () => undefined); // the request that runs, or the next one, fails and tells it
  // What arrives before a request is noise, or the late answer to another one.
  const write = port.write.bind(port);
  port.write = (request) => {
    port._buffer = Buffer.alloc(0);
    write(request);
  };
  const client = new ModbusRTU(port);
  const opened = new Promise<void>((resolve, reject) => {
    client.open((error?: Error | null) => (error ? reject(error) : resolve()));
  });
  const close = (done: () => void): void => {
    port.close(() => done()); // also told when it was not open
  };
  return open(client, opened, close);
}

type Close = (done: () => void) => void;

async function open(client: Client, opened: Promise<void>, close: Close): Promise<Link> {
  client.on("error", () => undefined);
  try {
    await opened;
    return linkOf(client, close);
  } catch (cause) {
    close(() => undefined);
    const why = (cause as LibraryError | undefined)?.message ?? "no reason given";
    throw new ModbusError("CONNECT_FAILED", `the line cannot be opened: ${why}`, { cause });
  }
}

function linkOf(client: Client, close: Close): Link {
  let onLost = (): void => undefined;
  client.on("close", () => onLost());

  async function ask<T>({ unit, timeoutMs }: Span, request: () => Promise<T>): Promise<T> {
    client.setID(unit);
    client.setTimeout(timeoutMs);
    try {
      return await new Promise<T>((resolve, reject) => {
        onLost = () => reject(new ModbusError("LINK_LOST", "the connection was closed"));
        request().then(resolve, reject);
      });
    } catch (error) {
      throw reasonOf(error, unit);
    }
  }
  return {
    isOpen: () => client.isOpen,
    read: (span, count) => ask(span, () => read(client, span, count)),
    write: (span, cells, isMultiple) => ask(span, () => write(client, span, cells, isMultiple)),
    close: () => {
      onLost(); // the library forgets a request on closing, and would leave it without an answer
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
        close(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    },
  };
}

async function read(client: Client, { table, offset }: Span, count: number): Promise<Cells> {
  switch (table) {
    case "CoilRegister":
      return bitsOf(await client.readCoils(offset, count), count);
    case "DiscreteInputRegister":
      return bitsOf(await client.readDiscreteInputs(offset, count), count);
    case "InputRegister":
      return (await client.readInputRegisters(offset, count)).data;
    case "HoldingRegister":
      return (await client.readHoldingRegisters(offset, count)).data;
  }
}

/** Whole bytes come; what is beyond the asked bits means nothing. */
const bitsOf = ({ data }: { data: boolean[] }, count: number): Cells => data.slice(0, count).map(Number);

async function write(client: Client, { table, offset }: Span, cells: Cells, isMultiple: boolean) {
  const [first = 0] = cells;
  const isOne = cells.length === 1 && !isMultiple;
  if (isBits(table)) {
    const bits = cells.map((cell) => cell !== 0);
    await (isOne ? client.writeCoil(offset, first !== 0) : client.writeCoils(offset, bits));
  } else await (isOne ? client.writeRegister(offset, first) : client.writeRegisters(offset, [...cells]));
}

/** Modbus Application Protocol 1.1b3, section 7. */
const EXCEPTIONS: Readonly<Record<number, string>> = {
  1: "it does not know this function",
  2: "it has no such address",
  3: "it does not take this value",
  4: "it failed while it did it",
  5: "it has taken the request and needs long",
  6: "it is busy",
  8: "it found a parity error in its memory",
  10: "the gateway has no path to it",
  11: "it did not answer the gateway",
};

interface LibraryError {
  readonly name?: string;
  readonly message?: string;
  readonly modbusCode?: number;
}

function reasonOf(error: unknown, unit: number): ModbusError {
  if (error instanceof ModbusError) return error;
  const { modbusCode, name, message = "" } = error as LibraryError;
  if (modbusCode !== undefined) {
    const why = EXCEPTIONS[modbusCode] ?? "it gives no known reason";
    return new ModbusError("REFUSED_BY_SLAVE", `slave ${unit} refused with exception ${modbusCode}: ${why}`, {
      exception: modbusCode,
    });
  }
  if (name === "TransactionTimedOutError")
    return new ModbusError("NO_ANSWER", `slave ${unit} did not answer`);
  if (name === "PortNotOpenError") return new ModbusError("LINK_LOST", "the connection was closed");
  return new ModbusError("BAD_ANSWER", `slave ${unit} gave a bad answer: ${message}`, { cause: error });
}
