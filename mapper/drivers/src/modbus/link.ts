// SPDX-License-Identifier: Apache-2.0
import type { Cells } from "./codec.ts";
import type { Table } from "./point.ts";

/** Where on a slave, and how much. */
export interface Span {
  readonly unit: number;
  readonly table: Table;
  readonly offset: number;
  readonly timeoutMs: number;
}

/** An open line to slaves. One request at a time. */
export interface Link {
  /** @throws {ModbusError} NO_ANSWER, BAD_ANSWER, REFUSED_BY_SLAVE, LINK_LOST */
  read(span: Span, count: number): Promise<Cells>;
  /** @throws {ModbusError} as `read` */
  write(span: Span, cells: Cells, isMultiple: boolean): Promise<void>;
  /** False once the connection or port is gone; it does not come back. */
  isOpen(): boolean;
  /** Fails the request that runs. Resolves when the port may be opened again; never rejects. */
  close(): Promise<void>;
}

/** Opens a line. @throws {ModbusError} CONNECT_FAILED, ADDRESS_REFUSED */
export type Connect = () => Promise<Link>;
