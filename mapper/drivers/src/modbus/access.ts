// SPDX-License-Identifier: Apache-2.0
// Which hosts and serial ports a Device may name: whoever writes Devices is not root on the node, and we may be.
import { lookup } from "node:dns/promises";
import { realpath, stat } from "node:fs/promises";
import { BlockList, isIP } from "node:net";
import { isAbsolute } from "node:path";
import { ModbusError } from "./errors.ts";

export interface AccessOptions {
  /** Real paths besides the serial ports of Linux: a file, or a folder that ends in `/`. Default none. */
  readonly serialPorts: readonly string[];
  /** Addresses and networks (`192.0.2.0/24`) that may be reached. Default undefined: all. */
  readonly networks: readonly string[] | undefined;
}

/**
 * Serial ports of Linux: ttyS0, ttyUSB1, ttyACM0, ttyAMA0, ttymxc2, rfcomm0. Not tty1 (a console), not pts/1
 * (somebody's terminal), not mem, watchdog or a disk.
 */
const SERIAL_PORT = /^\/dev\/(tty[A-Za-z]{1,16}|rfcomm)\d{1,4}$/;

/**
 * The character device that a path leads to. Links are followed first, so that `/dev/serial/by-id/…` works, one
 * port has one name, and no link leads elsewhere.
 *
 * @throws {ModbusError} ADDRESS_REFUSED, or CONNECT_FAILED when there is nothing
 */
export async function resolveSerialPort(path: string, { serialPorts }: AccessOptions): Promise<string> {
  if (!isAbsolute(path) || path.includes("\0")) {
    throw new ModbusError("ADDRESS_REFUSED", "SerialPort must be an absolute path");
  }
  const real = await realpath(path).catch((cause: unknown) => {
    throw new ModbusError("CONNECT_FAILED", "the serial port is not there", { cause });
  });
  const isAllowed =
    SERIAL_PORT.test(real) ||
    serialPorts.some((allowed) => (allowed.endsWith("/") ? real.startsWith(allowed) : real === allowed));
  if (!isAllowed || !(await stat(real)).isCharacterDevice()) {
    throw new ModbusError("ADDRESS_REFUSED", "SerialPort is no serial port that this mapper may use");
  }
  return real;
}

/**
 * The address to connect to: names are resolved here, so that what was checked is what is dialled.
 *
 * @throws {ModbusError} ADDRESS_REFUSED, or CONNECT_FAILED when the name is not known
 */
export async function resolveHost(host: string, { networks }: AccessOptions): Promise<string> {
  const address = isIP(host) === 0 ? await addressOf(host) : host;
  if (networks === undefined || blockOf(networks).check(address, isIP(address) === 6 ? "ipv6" : "ipv4")) {
    return address;
  }
  throw new ModbusError("ADDRESS_REFUSED", "IP is outside of the networks that this mapper may reach");
}

async function addressOf(host: string): Promise<string> {
  try {
    return (await lookup(host)).address;
  } catch (cause) {
    throw new ModbusError("CONNECT_FAILED", "the name of the host is not known", { cause });
  }
}

function blockOf(networks: readonly string[]): BlockList {
  const block = new BlockList();
  for (const network of networks) addNetwork(block, network);
  return block;
}

/** @throws {ModbusError} ADDRESS_REFUSED when it is neither an address nor a network */
function addNetwork(block: BlockList, network: string): void {
  const [, address = "", bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(network) ?? [];
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  const most = family === "ipv6" ? 128 : 32;
  const length = Number(bits ?? most);
  if (isIP(address) === 0 || length > most) {
    throw new ModbusError("ADDRESS_REFUSED", `${network} is neither an address nor a network`);
  }
  block.addSubnet(address, length, family);
}
