// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { answer, type Answer } from "../../src/bus/answer.ts";
import { routeOf } from "../../src/bus/topic.ts";
import { FakeBook } from "./support/fake-book.ts";

const NOW_MS = Date.UTC(2026, 0, 1);
const BASE = "$hw/events/device/default/d1";
let book: FakeBook;

beforeEach(() => {
  book = new FakeBook().add("default/d1", {
    t: { type: "int", actual: { value: "1", timestampMs: 5 } },
    s: { type: "string", expected: { value: "on", timestampMs: 6 } },
    f: { type: "float" },
    b: { type: "boolean" },
  });
});

function ask(topic: string, body: unknown, withBook = true): Answer {
  const route = routeOf(topic);
  if (route.kind === "none" || route.kind === "upload") throw new Error(`${topic} asks for nothing`);
  const payload = Buffer.isBuffer(body)
    ? body
    : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  return answer(route, payload, {
    book: withBook ? book : undefined,
    node: "edge-1",
    nowMs: NOW_MS,
    newId: () => "new",
  });
}

const told = (given: Answer): { topic: string; body: Record<string, unknown> }[] =>
  given.publications.map(({ topic, payload }) => ({
    topic,
    body: JSON.parse(payload) as Record<string, unknown>,
  }));
const update = (twin: unknown, rest: object = {}): unknown => ({ event_id: "e1", twin, ...rest });
const codeOf = (given: Answer): unknown =>
  told(given).find(({ topic }) => topic.endsWith("/result"))?.body["code"];

describe("a request by MQTT", () => {
  it("takes reported and expected values and answers with the twins as they are now", () => {
    const given = ask(
      `${BASE}/twin/update`,
      update({
        t: { actual: { value: "7", metadata: { timestamp: 9 } } },
        s: { expected: { value: "off" } },
      }),
    );
    expect(given.refused).toBeUndefined();
    expect(told(given)).toEqual([
      {
        topic: `${BASE}/twin/update/result`,
        body: {
          event_id: "e1",
          timestamp: NOW_MS,
          twin: {
            t: {
              actual: { value: "7", metadata: { timestamp: 9 } },
              optional: false,
              metadata: { type: "int" },
            },
            s: {
              expected: { value: "off", metadata: { timestamp: NOW_MS } },
              optional: false,
              metadata: { type: "string" },
            },
          },
        },
      },
    ]);
  });

  it("answers twin/get with every property, and makes an id where none came", () => {
    const [result] = told(ask(`${BASE}/twin/get`, {}));
    expect(result).toMatchObject({
      topic: `${BASE}/twin/get/result`,
      body: { event_id: "new", timestamp: NOW_MS },
    });
    expect(Object.keys(result?.body["twin"] as object)).toEqual(["t", "s", "f", "b"]);
  });

  it.each([
    ["online", { name: "d1", state: "online", last_online: "2026-01-01T00:00:00Z" }],
    ["ok", { name: "d1", state: "ok", last_online: "2026-01-01T00:00:00Z" }],
    ["offline", { name: "d1", state: "offline" }],
  ])("takes the state %s", (state, device) => {
    const given = ask(`${BASE}/state/update`, { event_id: "e", state });
    expect(told(given)).toEqual([
      { topic: `${BASE}/state/update/result`, body: { event_id: "e", timestamp: NOW_MS, device } },
    ]);
    expect(book.state("default/d1")).toBe(state);
  });

  it("tells which devices the node has", () => {
    const [result] = told(ask("$hw/events/node/edge-1/membership/get", { event_id: "m" }));
    expect(result).toEqual({
      topic: "$hw/events/node/edge-1/membership/get/result",
      body: {
        event_id: "m",
        timestamp: NOW_MS,
        devices: [{ id: "default/d1", name: "d1", description: "", state: "unknown" }],
      },
    });
    expect(told(ask("$hw/events/node/edge-1/membership/get", {}, false))[0]?.body["devices"]).toEqual([]);
  });

  it.each([
    ["an unknown device", "$hw/events/device/default/nobody/twin/get", {}, 404],
    ["an unknown property", `${BASE}/twin/update`, update({ x: { actual: { value: "1" } } }), 404],
    ["no twin", `${BASE}/twin/update`, { event_id: "e1" }, 400],
    ["an empty twin", `${BASE}/twin/update`, update({}), 400],
    ["a list as twin", `${BASE}/twin/update`, update([]), 400],
    ["neither side", `${BASE}/twin/update`, update({ t: {} }), 400],
    ["a null property", `${BASE}/twin/update`, update({ t: null }), 400],
    ["a value that is no text", `${BASE}/twin/update`, update({ t: { actual: { value: 1 } } }), 400],
    ["a value with a space", `${BASE}/twin/update`, update({ s: { actual: { value: "a b" } } }), 400],
    ["an empty value", `${BASE}/twin/update`, update({ s: { actual: { value: "" } } }), 400],
    [
      "a value of 513 characters",
      `${BASE}/twin/update`,
      update({ s: { actual: { value: "a".repeat(513) } } }),
      400,
    ],
    [
      "a key of 129 characters",
      `${BASE}/twin/update`,
      update({ ["a".repeat(129)]: { actual: { value: "1" } } }),
      400,
    ],
    ["a key with a space", `${BASE}/twin/update`, update({ "a b": { actual: { value: "1" } } }), 400],
    ["a value of another type", `${BASE}/twin/update`, update({ t: { actual: { value: "warm" } } }), 400],
    ["a float that is none", `${BASE}/twin/update`, update({ f: { actual: { value: "1e999" } } }), 400],
    ["a boolean that is none", `${BASE}/twin/update`, update({ b: { actual: { value: "TRUE" } } }), 400],
    [
      "another type by name",
      `${BASE}/twin/update`,
      update({ t: { actual: { value: "1" }, metadata: { type: "float" } } }),
      409,
    ],
    [
      "a type that there is not",
      `${BASE}/twin/update`,
      update({ t: { actual: { value: "1" }, metadata: { type: "blob" } } }),
      400,
    ],
    ["the type deleted", `${BASE}/twin/update`, update({ t: { metadata: { type: "deleted" } } }), 400],
    [
      "a time that is none",
      `${BASE}/twin/update`,
      update({ t: { actual: { value: "1", metadata: { timestamp: -1 } } } }),
      400,
    ],
    [
      "an event id that is no text",
      `${BASE}/twin/update`,
      update({ t: { actual: { value: "1" } } }, { event_id: 5 }),
      400,
    ],
    ["a state that there is not", `${BASE}/state/update`, { state: "sleepy" }, 400],
    ["no state", `${BASE}/state/update`, {}, 400],
  ])("refuses %s", (_what, topic, body, code) => {
    const given = ask(topic, body);
    expect(codeOf(given)).toBe(code);
    expect(given.refused).toBeDefined();
    expect(book.reports).toBe(0);
  });

  it.each(["int", "integer"])("takes the type %s for an integer", (type) => {
    expect(
      codeOf(ask(`${BASE}/twin/update`, update({ t: { actual: { value: "-4" }, metadata: { type } } }))),
    ).toBeUndefined();
  });

  it("answers 500 where there is no room", () => {
    book.verdict = "no room";
    expect(codeOf(ask(`${BASE}/twin/update`, update({ t: { actual: { value: "1" } } })))).toBe(500);
  });

  it.each([
    ["no JSON", "hello"],
    ["a list", "[]"],
    ["nothing", ""],
    ["depth 17", `${'{"a":'.repeat(17)}1${"}".repeat(17)}`],
    ["depth 100,000", '{"a":'.repeat(100_000)],
    ["__proto__", '{"__proto__":{"polluted":1},"twin":{"t":{"actual":{"value":"1"}}}}'],
    ["constructor.prototype", '{"constructor":{"prototype":{"polluted":1}}}'],
    ["5,000 keys", JSON.stringify(Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`k${i}`, 1])))],
  ])("B101 drops a payload that is %s, with the reason on …/rejected", (_what, payload) => {
    const given = ask(`${BASE}/twin/update`, payload);
    expect(given.refused).toBe("malformed");
    const [rejected, result] = told(given);
    expect(rejected?.topic).toBe(`${BASE}/twin/update/rejected`);
    expect(rejected?.body["reason"]).toEqual(expect.any(String));
    expect(result?.body).toMatchObject({ code: 400 });
    expect(book.reports).toBe(0);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  it("answers whatever bytes come, and never throws", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 300 }),
          fc.json().map((text) => Buffer.from(`{"twin":${text}}`)),
        ),
        (bytes) => {
          const given = ask(`${BASE}/twin/update`, Buffer.from(bytes));
          expect(given.publications.length).toBeGreaterThan(0);
          expect(given.refused).toBeDefined();
        },
      ),
    );
  });
});
