// SPDX-License-Identifier: Apache-2.0
import {
  BusFault,
  eventIdOf,
  isOfType,
  readObject,
  readState,
  readTwinUpdate,
  type AskedTwin,
} from "./payload.ts";
import type { BookAnswer, BusTwin, BusValue, DeviceBook } from "./port.ts";
import { deviceTopic, membershipTopic, type Route } from "./topic.ts";

/** A message of the agent's. */
export interface Publication {
  readonly topic: string;
  readonly payload: string;
}

/** What a request leads to. */
export interface Answer {
  readonly publications: readonly Publication[];
  /** Undefined: it was done. */
  readonly refused?: "malformed" | "invalid" | "unknown" | "conflict" | "room";
}

/** What answering needs. */
export interface AnswerDeps {
  /** Undefined where devices are switched off: nobody knows any. */
  readonly book: DeviceBook | undefined;
  readonly node: string;
  readonly nowMs: number;
  readonly newId: () => string;
}

const REFUSED = { 400: "invalid", 404: "unknown", 409: "conflict", 500: "room" } as const;
const ANSWERS: Readonly<Record<Exclude<BookAnswer, "taken">, BusFault>> = {
  "unknown device": new BusFault(404, "this node has no such device"),
  "unknown property": new BusFault(404, "the device has no such property"),
  invalid: new BusFault(400, "a value is not one that the device's model allows"),
  "no room": new BusFault(500, "there is no room for more values"),
};

/** Does what a message asks for, and says what is to be published about it. */
export function answer(
  route: Exclude<Route, { kind: "upload" | "none" }>,
  payload: Buffer,
  deps: AnswerDeps,
): Answer {
  const base =
    route.kind === "membership/get"
      ? `${membershipTopic(route.node)}/get`
      : `${deviceTopic(route.device)}/${route.kind}`;
  let eventId = "";
  try {
    const fields = readObject(payload);
    eventId = eventIdOf(fields);
    const body = bodyOf(route, fields, deps);
    return { publications: [toResult(base, eventId, deps, body)] };
  } catch (error) {
    if (!(error instanceof BusFault)) throw error;
    return refusal(base, eventId, deps, error);
  }
}

function toResult(base: string, eventId: string, { nowMs, newId }: AnswerDeps, body: object): Publication {
  const content = { event_id: eventId === "" ? newId() : eventId, timestamp: nowMs, ...body };
  return { topic: `${base}/result`, payload: JSON.stringify(content) };
}

function refusal(
  base: string,
  eventId: string,
  deps: AnswerDeps,
  { code, message, isMalformed }: BusFault,
): Answer {
  const result = toResult(base, eventId, deps, { code, reason: message });
  if (!isMalformed) return { publications: [result], refused: REFUSED[code] };
  const rejected = {
    topic: `${base}/rejected`,
    payload: JSON.stringify({ timestamp: deps.nowMs, reason: message }),
  };
  return { publications: [rejected, result], refused: "malformed" };
}

type Fields = Readonly<Record<string, unknown>>;

/** @throws {BusFault} */
function bodyOf(
  route: Exclude<Route, { kind: "upload" | "none" }>,
  fields: Fields,
  deps: AnswerDeps,
): object {
  switch (route.kind) {
    case "membership/get":
      return { devices: membersOf(deps) };
    case "twin/get":
      return { twin: wireTwins(twinsOf(route.device, deps)) };
    case "twin/update":
      return { twin: updateTwins(route.device, fields, deps) };
    case "state/update":
      return { device: updateState(route.device, fields, deps) };
  }
}

function membersOf({ book }: AnswerDeps): object[] {
  return (book?.list() ?? []).map(({ namespace, name, description }) => ({
    id: `${namespace}/${name}`,
    name,
    description,
    state: book?.state(`${namespace}/${name}`) ?? "unknown",
  }));
}

function twinsOf(device: string, { book }: AnswerDeps): ReadonlyMap<string, BusTwin> {
  const twins = book?.twins(device);
  if (twins === undefined) throw ANSWERS["unknown device"];
  return twins;
}

function taken(given: BookAnswer | undefined): void {
  if (given === "taken") return;
  throw ANSWERS[given ?? "unknown device"];
}

function updateTwins(device: string, fields: Fields, deps: AnswerDeps): object {
  const held = twinsOf(device, deps);
  const { twins } = readTwinUpdate(fields, deps.nowMs);
  for (const [property, asked] of twins) checkTwin(property, asked, held.get(property));
  taken(deps.book?.reportTwins(device, twins));
  const now = twinsOf(device, deps);
  return wireTwins(new Map([...now].filter(([property]) => twins.has(property))));
}

function checkTwin(property: string, { type, expected, actual }: AskedTwin, held: BusTwin | undefined): void {
  if (held === undefined) throw new BusFault(404, `the device has no property ${property}`);
  if (type !== undefined && type !== held.type)
    throw new BusFault(409, `${property} is of type ${held.type}`);
  const wrong = [expected, actual].some((side) => side !== undefined && !isOfType(held.type, side.value));
  if (wrong) throw new BusFault(400, `${property}: the value is not of type ${held.type}`);
}

function updateState(device: string, fields: Fields, { book, nowMs }: AnswerDeps): object {
  const state = readState(fields);
  const given = book?.reportState(device, state);
  if (given === "invalid") throw new BusFault(400, "state must be online, offline, ok, unknown or unhealthy");
  taken(given);
  const isUp = state === "online" || state === "ok";
  const lastOnline = new Date(nowMs).toISOString().replace(/\.\d{3}Z$/, "Z");
  return { name: device.slice(device.indexOf("/") + 1), state, ...(isUp && { last_online: lastOnline }) };
}

const wireValue = ({ value, timestampMs }: BusValue): object => ({
  value,
  metadata: { timestamp: timestampMs },
});

/** One twin as MQTT clients read it. */
export const wireTwin = ({ type, expected, actual }: BusTwin): object => ({
  ...(expected && { expected: wireValue(expected) }),
  ...(actual && { actual: wireValue(actual) }),
  optional: false,
  metadata: { type },
});

/** Twins by property. */
export const wireTwins = (twins: ReadonlyMap<string, BusTwin>): object =>
  Object.fromEntries([...twins].map(([property, twin]) => [property, wireTwin(twin)]));
