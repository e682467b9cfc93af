// SPDX-License-Identifier: Apache-2.0
import { fileURLToPath } from "node:url";
import type { Table } from "../../src/modbus/point.ts";
import { run } from "./process.ts";

/** Slaves of pymodbus, an implementation that has nothing to do with ours. */
export interface TestSlaves {
  readonly port: number;
  set(unit: number, table: Table, offset: number, values: readonly number[]): Promise<void>;
  get(unit: number, table: Table, offset: number, count: number): Promise<number[]>;
  /** Before each of the next answers, seconds. */
  delay(...seconds: number[]): Promise<void>;
  /** The units that answered, in order. */
  answered(): Promise<number[]>;
  readonly kill: () => Promise<void>;
}

const SCRIPT = fileURLToPath(new URL("modbus_slave.py", import.meta.url));

export async function startSlaves(
  where: { tcp: true; port?: number } | { serial: string },
  units: readonly number[],
): Promise<TestSlaves> {
  const program = run("/usr/bin/python3", [SCRIPT, JSON.stringify({ ...where, units })]);
  const { port } = JSON.parse(await program.line()) as { port: number };
  // One at a time: the answers come in the order of the commands.
  let last: Promise<unknown> = Promise.resolve();
  const ask = <T>(command: object): Promise<T> => {
    const answer = last.then(async () => {
      program.child.stdin.write(`${JSON.stringify(command)}\n`);
      return (JSON.parse(await program.line()) as { value: T }).value;
    });
    last = answer.catch(() => undefined);
    return answer;
  };
  return {
    port,
    set: (unit, table, offset, values) => ask({ op: "set", unit, table, offset, values }),
    get: (unit, table, offset, count) => ask({ op: "get", unit, table, offset, count }),
    delay: (...seconds) => ask({ op: "delay", seconds }),
    answered: () => ask({ op: "requests" }),
    kill: program.kill,
  };
}
