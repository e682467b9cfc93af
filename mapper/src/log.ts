// SPDX-License-Identifier: Apache-2.0

/** One line: a constant message, variable fields. */
type Log = (fields: object, message?: string) => void;

/** What a mapper needs of a logger; pino is one. Constant message, variable fields; never values of a device. */
export interface MapperLog {
  readonly error: Log;
  readonly warn: Log;
  readonly info: Log;
  readonly debug: Log;
}

/** Levels and their numbers in a line, which are pino's: all programs of the platform are read alike. */
const LEVELS = { debug: 20, info: 30, warn: 40, error: 50 } as const;

export type LogLevel = keyof typeof LEVELS;
export const LOG_LEVELS = Object.keys(LEVELS) as readonly LogLevel[];

export interface LogOptions {
  readonly level: LogLevel;
  /** Gets each line with its end. */
  readonly write: (line: string) => unknown;
  /** Milliseconds since the epoch. */
  readonly nowMs?: () => number;
}

/** Longer texts in a line are cut. */
const MAX_TEXT = 2_048;

/** A logger of JSON lines: `{"level":30,"time":1700000000000,"device":"default/hall","msg":"device started"}`. */
export function createLog({ level: least, write, nowMs = Date.now }: LogOptions): MapperLog {
  const at = (level: LogLevel): Log => {
    if (LEVELS[level] < LEVELS[least]) return () => undefined;
    return (fields, message = "") => {
      const own = { level: LEVELS[level], time: nowMs() };
      write(`${lineOf({ ...own, ...fields, ...own, msg: message })}\n`);
    };
  };
  return { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") };
}

/** A log whose every line has these fields too; a line's own come first. */
export function withFields(log: MapperLog, more: object): MapperLog {
  const at =
    (level: LogLevel): Log =>
    (fields, message) =>
      log[level]({ ...more, ...fields }, message);
  return { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") };
}

function lineOf(line: { readonly level: number; readonly time: number; readonly msg: string }): string {
  try {
    return JSON.stringify(line, plain);
  } catch {
    return JSON.stringify({ level: line.level, time: line.time, msg: line.msg, unreadable: true });
  }
}

/** What JSON lacks, and what must not fill a line: of an error its kind, of bytes their number. */
function plain(this: unknown, key: string, given: unknown): unknown {
  const value = (this as Readonly<Record<string, unknown>>)[key];
  if (value instanceof Error) return errorFields(value);
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  if (typeof given === "bigint") return String(given);
  return typeof given === "string" ? cut(given) : given;
}

const errorFields = (error: Error): object => ({
  type: error.name,
  message: error.message,
  ...("code" in error && { code: error.code }),
});

const cut = (text: string): string => (text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text);
