// SPDX-License-Identifier: Apache-2.0
// What a bundle has in the place of `serialport`, which modbus-serial loads with itself: 10 MB that nobody needs for
// TCP, and a native part that no bundle can hold. It is loaded from node_modules when the first port is opened.
import { createRequire } from "node:module";

interface Serialport {
  readonly SerialPort: new (options: object) => object;
}

/** Called with `new`, as the class is. @throws when `serialport` is not installed beside the bundle */
export function SerialPort(options: object): object {
  // By a name that the bundler does not see.
  const name: string = ["serial", "port"].join("");
  const { SerialPort: Port } = createRequire(import.meta.url)(name) as Serialport;
  return new Port(options);
}
