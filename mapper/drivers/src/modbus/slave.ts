// SPDX-License-Identifier: Apache-2.0
import type { CallContext, Device, Property, Value } from "@longshore/mapper";
import { decode, encode } from "./codec.ts";
import { ModbusError } from "./errors.ts";
import type { Span } from "./link.ts";
import type { Lines } from "./lines.ts";
import { placeOf } from "./place.ts";
import { isWritable, pointOf, type Point } from "./point.ts";

/** One slave, as a device of the mapper. */
export interface Slave {
  read(property: Property, context: CallContext): Promise<Value>;
  write(property: Property, value: Value, context: CallContext): Promise<void>;
  close(): void;
}

/**
 * Takes hold of the slave's line. Nothing is asked yet: a wrong property fails alone, when it is read.
 *
 * @throws {SettingError} when the way to the slave makes no sense
 * @throws {ModbusError} ADDRESS_REFUSED, CONNECT_FAILED
 */
export async function openSlave({ config }: Device, lines: Lines, usualTimeoutMs: number): Promise<Slave> {
  const { line, unit, timeoutMs = usualTimeoutMs } = placeOf(config);
  const lease = await lines.lease(line);
  const { bus } = lease;
  const spanOf = ({ table, offset }: Point): Span => ({ unit, table, offset, timeoutMs });
  return {
    read: async (property, { signal }) => {
      const point = pointOf(property);
      return decode(await bus.run(unit, signal, (link) => link.read(spanOf(point), point.count)), point);
    },
    write: async (property, value, { signal }) => {
      const point = pointOf(property);
      if (!isWritable(point.table)) {
        throw new ModbusError("VALUE_UNFIT", `${point.table} can only be read`);
      }
      // A value that does not fit takes no turn on the line.
      const whole = point.bit === undefined ? encode(value, point) : undefined;
      await bus.run(unit, signal, async (link) => {
        const cells = whole ?? encode(value, point, await link.read(spanOf(point), point.count));
        if (signal.aborted) throw new ModbusError("ABORTED", "given up before it was written");
        await link.write(spanOf(point), cells, point.isWriteMultiple);
      });
    },
    close: () => lease.release(),
  };
}
