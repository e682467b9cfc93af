// SPDX-License-Identifier: Apache-2.0
import { StreamError } from "./errors.ts";
import {
  READS,
  type AttachRequest,
  type ExecRequest,
  type LogOptions,
  type LogsRequest,
  type PortForwardRequest,
  type ReadRequest,
  type StreamRequest,
} from "./request.ts";
import {
  readFields,
  readFlag,
  readLabel,
  readList,
  readNumber,
  readSubdomain,
  readText,
  readTime,
  refuseField,
  type Fields,
} from "./validate-fields.ts";
import { readUpgrade } from "./validate-upgrade.ts";

/** Bounds of a request (B147, B149). */
export const REQUEST_LIMITS = {
  args: 1024,
  /** UTF-8 bytes of all arguments together; an open frame has room for them */
  argvBytes: 32 * 1024,
  ports: 64,
  uidChars: 64,
  /** what a Go duration holds, in which the kubelet counts */
  sinceSeconds: 9_223_372_036,
} as const;

const OF_POD = ["verb", "namespace", "pod", "uid"];
const OF_STREAMS = ["stdin", "stdout", "stderr", "tty"];
const KNOWN = {
  logs: new Set([...OF_POD, "container", "options"]),
  exec: new Set([...OF_POD, ...OF_STREAMS, "container", "command", "upgrade"]),
  attach: new Set([...OF_POD, ...OF_STREAMS, "container", "upgrade"]),
  portForward: new Set([...OF_POD, "ports", "upgrade"]),
  read: new Set(["verb", "what"]),
} as const;

const READERS: Readonly<Record<string, (value: unknown) => StreamRequest>> = {
  logs: readLogs,
  exec: readExec,
  attach: readAttach,
  portForward: readPortForward,
  read: readRead,
};

/**
 * Judges what the other side asks of a node; nothing but what is judged is in the answer.
 *
 * @param value parsed JSON
 * @throws {StreamError} BAD_REQUEST names the field that is wrong; UNSUPPORTED when the verb, or a field, is not known
 */
export function readStreamRequest(value: unknown): StreamRequest {
  if (typeof value !== "object" || value === null) refuseField("the request", "must be an object");
  const verb = readText("verb", (value as Fields)["verb"]);
  const read = Object.hasOwn(READERS, verb) ? READERS[verb] : undefined;
  if (read === undefined) throw new StreamError("UNSUPPORTED", "verb is not known here");
  return read(value);
}

function readLogs(value: unknown): LogsRequest {
  const fields = readFields("the request", value, KNOWN.logs);
  return {
    verb: "logs",
    ...readPod(fields),
    container: readLabel("container", fields["container"]),
    options: readLogOptions(fields["options"]),
  };
}

function readExec(value: unknown): ExecRequest {
  const fields = readFields("the request", value, KNOWN.exec);
  return {
    verb: "exec",
    ...readPod(fields),
    container: readLabel("container", fields["container"]),
    command: readCommand(fields["command"]),
    ...readStreams(fields),
    upgrade: readUpgrade(fields["upgrade"]),
  };
}

function readAttach(value: unknown): AttachRequest {
  const fields = readFields("the request", value, KNOWN.attach);
  return {
    verb: "attach",
    ...readPod(fields),
    container: readLabel("container", fields["container"]),
    ...readStreams(fields),
    upgrade: readUpgrade(fields["upgrade"]),
  };
}

function readPortForward(value: unknown): PortForwardRequest {
  const fields = readFields("the request", value, KNOWN.portForward);
  const ports = readList("ports", fields["ports"], REQUEST_LIMITS.ports);
  return {
    verb: "portForward",
    ...readPod(fields),
    ports: ports.map((port) => readNumber("ports[]", port, { min: 1, max: 65_535 })),
    upgrade: readUpgrade(fields["upgrade"]),
  };
}

function readRead(value: unknown): ReadRequest {
  const fields = readFields("the request", value, KNOWN.read);
  const asked = readText("what", fields["what"]);
  const what = READS.find((known) => known === asked);
  if (what === undefined) throw new StreamError("UNSUPPORTED", "what is not known here");
  return { verb: "read", what };
}

/** It becomes part of file names and of paths. */
const UID = /^(?:[A-Za-z0-9][A-Za-z0-9._:-]*)?$/;

function readPod(fields: Fields): { namespace: string; pod: string; uid: string } {
  const uid = readText("uid", fields["uid"]);
  if (uid.length > REQUEST_LIMITS.uidChars || !UID.test(uid))
    refuseField("uid", `must be at most ${REQUEST_LIMITS.uidChars} letters, digits and -._:`);
  return {
    namespace: readLabel("namespace", fields["namespace"]),
    pod: readSubdomain("pod", fields["pod"]),
    uid,
  };
}

function readStreams(fields: Fields): { stdin: boolean; stdout: boolean; stderr: boolean; tty: boolean } {
  const stdin = readFlag("stdin", fields["stdin"]);
  const stdout = readFlag("stdout", fields["stdout"]);
  const stderr = readFlag("stderr", fields["stderr"]);
  const tty = readFlag("tty", fields["tty"]);
  if (!stdin && !stdout && !stderr) refuseField("stdin, stdout, stderr", "must not all be false");
  if (tty && stderr) refuseField("stderr", "must be false with a tty: its output is stdout");
  return { stdin, stdout, stderr, tty };
}

/** Half a character, which no UTF-8 can carry to the runtime. */
const LONE_SURROGATE = /\p{Surrogate}/u;

function readCommand(value: unknown): readonly string[] {
  const args = readList("command", value, REQUEST_LIMITS.args).map((arg) => readText("command[]", arg));
  if (args.length === 0) refuseField("command", "must not be empty");
  if (args.some((arg) => arg.includes("\0"))) refuseField("command[]", "must not hold a NUL");
  if (args.some((arg) => LONE_SURROGATE.test(arg))) refuseField("command[]", "must be well-formed Unicode");
  const bytes = args.reduce((sum, arg) => sum + Buffer.byteLength(arg), 0);
  if (bytes > REQUEST_LIMITS.argvBytes)
    refuseField("command", `must have at most ${REQUEST_LIMITS.argvBytes} bytes`);
  return args;
}

const SAFE = Number.MAX_SAFE_INTEGER;
type OptionReader = (field: string, value: unknown) => LogOptions[keyof LogOptions];

const OPTIONS: Readonly<Record<keyof LogOptions, OptionReader>> = {
  follow: readFlag,
  previous: readFlag,
  timestamps: readFlag,
  tailLines: (field, value) => readNumber(field, value, { min: 0, max: SAFE }),
  sinceSeconds: (field, value) => readNumber(field, value, { min: 1, max: REQUEST_LIMITS.sinceSeconds }),
  sinceTime: readTime,
  limitBytes: (field, value) => readNumber(field, value, { min: 1, max: SAFE }),
  stream: (field, value) => {
    if (value !== "stdout" && value !== "stderr") refuseField(field, "must be stdout or stderr");
    return value;
  },
};
const OPTION_NAMES = new Set(Object.keys(OPTIONS));

/** Judges the options of a log; also those that came in a query. @throws {StreamError} BAD_REQUEST, UNSUPPORTED */
export function readLogOptions(value: unknown): LogOptions {
  const fields = readFields("options", value, OPTION_NAMES);
  const options: Record<string, unknown> = {};
  for (const [name, read] of Object.entries(OPTIONS))
    if (fields[name] !== undefined) options[name] = read(name, fields[name]);
  if (options["sinceSeconds"] !== undefined && options["sinceTime"] !== undefined)
    refuseField("sinceSeconds, sinceTime", "must not both be set");
  return options;
}
