// SPDX-License-Identifier: Apache-2.0

export type ModbusErrorCode =
  /** the address of the device is none that may be used */
  | "ADDRESS_REFUSED"
  /** no connection, or the serial port cannot be opened */
  | "CONNECT_FAILED"
  /** the connection or the serial port went away during a request */
  | "LINK_LOST"
  /** the slave did not answer in time */
  | "NO_ANSWER"
  /** what came is no answer to the request */
  | "BAD_ANSWER"
  /** the slave refused the request: see `exception` */
  | "REFUSED_BY_SLAVE"
  /** more requests wait for one line than the option allows */
  | "TOO_MANY_WAITING"
  /** the value does not fit into the registers, or the registers hold none */
  | "VALUE_UNFIT"
  | "ABORTED"
  | "CLOSED";

/** Every error of the Modbus mapper that is not about its settings. */
export class ModbusError extends Error {
  override readonly name = "ModbusError";
  readonly code: ModbusErrorCode;
  /** The exception code that the slave answered with. */
  readonly exception: number | undefined;
  constructor(code: ModbusErrorCode, message: string, options?: ErrorOptions & { exception?: number }) {
    super(message, options);
    this.code = code;
    this.exception = options?.exception;
  }
}
