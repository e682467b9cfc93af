// SPDX-License-Identifier: Apache-2.0
import type { SessionLog } from "../uplink/port.ts";

/** A log that adds the node and the connection to every line. One a session, so it holds no closures. */
export class ConnectionLog implements SessionLog {
  readonly #log: SessionLog;
  readonly #node: string;
  readonly #connection: string;

  constructor(log: SessionLog, node: string, connection: string) {
    this.#log = log;
    this.#node = node;
    this.#connection = connection;
  }

  debug(fields: object, message: string): void {
    this.#log.debug(this.#with(fields), message);
  }

  info(fields: object, message: string): void {
    this.#log.info(this.#with(fields), message);
  }

  warn(fields: object, message: string): void {
    this.#log.warn(this.#with(fields), message);
  }

  error(fields: object, message: string): void {
    this.#log.error(this.#with(fields), message);
  }

  #with(fields: object): object {
    return { node: this.#node, connection: this.#connection, ...fields };
  }
}
