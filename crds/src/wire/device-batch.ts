// SPDX-License-Identifier: Apache-2.0

/*
 * Reports of many devices in one frame, edge to hub: ours, used only once both sides told DEVICE_BATCH_VERSION in
 * the hello and its answer. The frame is `twin`/`resource`/`update` with the resource DEVICE_BATCH_RESOURCE and a
 * DeviceBatch; its answer has the operation `response` and a DeviceBatchReply, one result for each device, in order.
 */

/** Version of batches; told in the hello and its answer. */
export const DEVICE_BATCH_VERSION = 1;
/** `route.resource` of a batch. */
export const DEVICE_BATCH_RESOURCE = "devices/batch";

/** What a sender keeps to, and what a reader takes. */
export const DEVICE_BATCH_LIMITS = {
  /** UTF-8 bytes of the devices of one batch; one device alone may have more, up to the limit of every frame. */
  bytes: 128 * 1024,
  devices: 256,
  /** properties of one device in one batch */
  twins: 1_000,
  keyChars: 512,
  uidChars: 128,
  nameChars: 253,
  valueChars: 16 * 1024,
  typeChars: 64,
  wordChars: 64,
  messageChars: 512,
} as const;

/** A value, and when it held: milliseconds since the epoch by the edge's or the mapper's clock, 0 when nobody knows. */
export type BatchSample = readonly [value: string, timestampMs: number];

/** One property: what the device shows, and the wish that it has seen; null where the report does not say. */
export type BatchTwin = readonly [
  property: string,
  type: string,
  reported: BatchSample | null,
  observedDesired: BatchSample | null,
];

/** State of a device and why. */
export interface BatchState {
  readonly state: string;
  /** RFC 3339 */
  readonly lastOnlineTime?: string;
  readonly reason?: string;
  readonly message?: string;
  /** Name of the mapper that serves it. */
  readonly mapper?: string;
}

/** What one batch says about one device. */
export interface DeviceEntry {
  /** `<namespace>/<name>` */
  readonly device: string;
  /** Of the Device as the edge has it. */
  readonly uid: string;
  readonly state?: BatchState;
  readonly twins?: readonly BatchTwin[];
}

export interface DeviceBatch {
  /** By the edge's clock, milliseconds since the epoch: what its samples' times are compared with. */
  readonly sentMs: number;
  readonly devices: readonly DeviceEntry[];
}

/**
 * What became of one device's entry. OK: it is in the DeviceStatus. WAITING: the hub has it and will write it, but it
 * may still be lost; the edge sends the newest again. The others: refused, RATE and LATER only for now.
 */
export const BATCH_CODES = ["OK", "WAITING", "BAD", "FORBIDDEN", "STALE_UID", "RATE", "LATER"] as const;
export type BatchCode = (typeof BATCH_CODES)[number];

/** Code and, where there is more to say, a sentence. */
export type BatchResult = readonly [code: BatchCode] | readonly [code: BatchCode, message: string];

export interface DeviceBatchReply {
  readonly results: readonly BatchResult[];
}

/** What can be read of a batch: of each of its devices either the entry or why there is none, in order. */
export interface ReadBatch {
  readonly sentMs: number | undefined;
  readonly devices: readonly (DeviceEntry | BadEntry)[];
}

/** A device that is not well formed takes nothing from the others. */
export interface BadEntry {
  readonly bad: string;
}

const L = DEVICE_BATCH_LIMITS;
const SEGMENT = /^[A-Za-z0-9][A-Za-z0-9._:@+-]*$/;
const STATES: ReadonlySet<string> = new Set(["online", "offline", "ok", "unknown", "unhealthy"]);
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown, max: number, min = 0): value is string =>
  typeof value === "string" && value.length >= min && value.length <= max;
const isOptionalText = (value: unknown, max: number): boolean => value === undefined || isText(value, max);
const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;

/** @returns undefined when it is no batch at all, or of too many devices */
export function readDeviceBatch(content: unknown): ReadBatch | undefined {
  if (!isFields(content) || !Array.isArray(content["devices"])) return undefined;
  const devices = content["devices"] as readonly unknown[];
  if (devices.length === 0 || devices.length > L.devices) return undefined;
  const { sentMs } = content;
  return { sentMs: isCount(sentMs) && sentMs > 0 ? sentMs : undefined, devices: devices.map(readEntry) };
}

const bad = (why: string): BadEntry => ({ bad: why });

function readEntry(entry: unknown): DeviceEntry | BadEntry {
  if (!isFields(entry) || !isDevice(entry["device"])) return bad("no device is named");
  const { device, uid } = entry;
  if (!isText(uid, L.uidChars, 1)) return bad("no uid is named");
  const told = readTold(entry);
  return "bad" in told ? told : { device, uid, ...told };
}

function readTold({ state, twins }: Fields): Pick<DeviceEntry, "state" | "twins"> | BadEntry {
  if (state === undefined && twins === undefined) return bad("nothing is told");
  if (state !== undefined && !isState(state)) return bad("the state is not well formed");
  if (twins !== undefined && !isTwins(twins)) return bad("the values are not well formed");
  return { ...(state !== undefined && { state: knownOf(state) }), ...(twins !== undefined && { twins }) };
}

/** Without what else an edge may have written there: nobody reads it, and nothing bounds it. */
const knownOf = ({ state, lastOnlineTime, reason, message, mapper }: BatchState): BatchState => ({
  state,
  ...(lastOnlineTime !== undefined && { lastOnlineTime }),
  ...(reason !== undefined && { reason }),
  ...(message !== undefined && { message }),
  ...(mapper !== undefined && { mapper }),
});

/** Both halves are segments of a resource, so that nothing else can be reached by them. */
function isDevice(value: unknown): value is string {
  if (!isText(value, L.keyChars, 3)) return false;
  const segments = value.split("/");
  return (
    segments.length === 2 &&
    segments.every((text) => text.length <= L.nameChars && SEGMENT.test(text) && !text.includes(".."))
  );
}

function isState(value: unknown): value is BatchState {
  if (!isFields(value) || typeof value["state"] !== "string" || !STATES.has(value["state"])) return false;
  const { lastOnlineTime, reason, message, mapper } = value;
  const isReason = reason === undefined || (isText(reason, L.wordChars) && /^[A-Z][A-Za-z]*$/.test(reason));
  return (
    isReason &&
    (lastOnlineTime === undefined || isTime(lastOnlineTime)) &&
    isOptionalText(message, L.messageChars) &&
    isOptionalText(mapper, L.nameChars)
  );
}

const isTime = (value: unknown): boolean =>
  isText(value, L.wordChars) && TIME.test(value) && !Number.isNaN(Date.parse(value));

const isTwins = (value: unknown): value is readonly BatchTwin[] =>
  Array.isArray(value) && value.length > 0 && value.length <= L.twins && value.every(isTwin);

function isTwin(value: unknown): value is BatchTwin {
  if (!Array.isArray(value) || value.length !== 4) return false;
  const [property, type, reported, observed] = value as readonly unknown[];
  return (
    isText(property, L.nameChars, 1) &&
    isText(type, L.typeChars) &&
    isSampleOrNull(reported) &&
    isSampleOrNull(observed) &&
    (reported !== null || observed !== null)
  );
}

function isSampleOrNull(value: unknown): value is BatchSample | null {
  if (value === null) return true;
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [text, timestampMs] = value as readonly unknown[];
  return isText(text, L.valueChars) && isCount(timestampMs);
}

const CODES: ReadonlySet<unknown> = new Set(BATCH_CODES);

/** @returns undefined when it is not an answer with one result for each of so many devices */
export function readDeviceBatchReply(content: unknown, devices: number): DeviceBatchReply | undefined {
  const results = isFields(content) ? content["results"] : undefined;
  if (!Array.isArray(results) || results.length !== devices || !results.every(isResult)) return undefined;
  return { results };
}

function isResult(value: unknown): value is BatchResult {
  if (!Array.isArray(value) || value.length < 1 || value.length > 2) return false;
  const [code, message] = value as readonly unknown[];
  return CODES.has(code) && (value.length === 1 || isText(message, L.messageChars));
}
