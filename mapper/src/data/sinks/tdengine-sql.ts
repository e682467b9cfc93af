// SPDX-License-Identifier: Apache-2.0
import { SinkError, type Sample } from "../port.ts";
import { fitName } from "./names.ts";

/** Of TDengine, in bytes; quoted names may have any visible ASCII letter but a dot, and not a quote here. */
const MAX_NAME_LENGTH = 192;
const LETTER = /^[A-Za-z0-9_/:@#-]$/;

/** Super table of a device: `default/hall`. */
export const superTableOf = ({ namespace, device }: Sample): string =>
  fitName(`${namespace}/${device}`, LETTER, MAX_NAME_LENGTH);

/** Child table of a property: `default/hall/temperature`. */
export const childTableOf = ({ namespace, device, property }: Sample): string =>
  fitName(`${namespace}/${device}/${property}`, LETTER, MAX_NAME_LENGTH);

/** KubeEdge's columns, long enough for what devices may be called and say. */
export const createSuperTable = (name: string): string =>
  `CREATE STABLE IF NOT EXISTS \`${name}\` (ts TIMESTAMP, deviceid BINARY(320), propertyname BINARY(256), ` +
  "data BINARY(16374), type BINARY(16)) TAGS (location BINARY(256))";

/**
 * One statement for all samples; it makes the child tables that are missing. A time has one row in a child table, so
 * what is sent again replaces itself. Times are written out, for a number is read by the database's own precision.
 *
 * @throws {SinkError} REFUSED when a text has a letter that ends a statement
 */
export function insertSamples(samples: readonly Sample[]): string {
  const parts = samples.map((sample) => {
    const { namespace, device, property, text, type, atMs } = sample;
    const values = [new Date(atMs).toISOString(), `${namespace}/${device}`, property, text, type];
    const into = `\`${childTableOf(sample)}\` USING \`${superTableOf(sample)}\` TAGS (${quote(property)})`;
    return `${into} VALUES (${values.map(quote).join(", ")})`;
  });
  return `INSERT INTO ${parts.join(" ")}`;
}

/** A text as a string of SQL. @throws {SinkError} REFUSED when it holds a NUL */
export function quote(text: string): string {
  if (text.includes("\0")) throw new SinkError("REFUSED", "a text has a letter that TDengine does not take");
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
