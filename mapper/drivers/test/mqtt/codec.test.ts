// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { ConfigData, PropertyType, Value } from "@longshore/mapper";
import { decode, encode } from "../../src/mqtt/codec.ts";
import { placeOf } from "../../src/mqtt/place.ts";
import { pointOf, type Point } from "../../src/mqtt/point.ts";
import { aProperty } from "../support/gen.ts";

const point = (type: PropertyType, config: ConfigData = {}): Point =>
  pointOf(aProperty({ Topic: "a/b", CommandTopic: "a/c", ...config }, { type }));
const json = (type: PropertyType, Path: string): Point => point(type, { Path });

describe("a message", () => {
  it.each<{ what: string; text: string; of: Point; value: Value }>([
    { what: "a number", text: " 21.5 ", of: point("FLOAT"), value: " 21.5 " },
    { what: "a text", text: "grün", of: point("STRING"), value: "grün" },
    { what: "bytes", text: "ab", of: point("BYTES"), value: Uint8Array.of(97, 98) },
    { what: "a boolean", text: "TRUE", of: point("BOOLEAN"), value: true },
    { what: "a usual word for one", text: "off\n", of: point("BOOLEAN"), value: false },
    {
      what: "the device's own word",
      text: "auf",
      of: point("BOOLEAN", { True: "Auf", False: "Zu" }),
      value: true,
    },
    { what: "a number in JSON", text: '{"a":{"b":[0,7]}}', of: json("INT", "a.b[1]"), value: 7 },
    { what: "a number as text in JSON", text: '{"a":"7"}', of: json("INT", "a"), value: "7" },
    { what: "a boolean in JSON", text: '{"a":false}', of: json("BOOLEAN", "a"), value: false },
    { what: "a word in JSON", text: '{"a":"ON"}', of: json("BOOLEAN", "a"), value: true },
    { what: "1 in JSON", text: '{"a":1}', of: json("BOOLEAN", "a"), value: true },
    { what: "a part of JSON as text", text: '{"a":{"b":1}}', of: json("STRING", "a"), value: '{"b":1}' },
  ])("is read: $what", ({ text, of, value }) => {
    expect(decode(Buffer.from(text), of)).toStrictEqual(value);
  });

  it.each([
    { what: "no boolean", text: "perhaps", of: point("BOOLEAN") },
    { what: "no JSON", text: "secret{", of: json("INT", "a") },
    { what: "nothing at the path", text: '{"a":{}}', of: json("INT", "a.b") },
    { what: "null", text: '{"a":null}', of: json("INT", "a") },
    { what: "what every object has", text: "{}", of: json("STRING", "constructor.name") },
  ])("has no value when it is $what, and its content is not told", ({ text, of }) => {
    expect(() => decode(Buffer.from(text), of)).toThrow(expect.objectContaining({ code: "VALUE_UNFIT" }));
    expect(() => decode(Buffer.from(text), of)).not.toThrow(/secret/);
  });

  it("of any bytes throws nothing but that", () => {
    const types: PropertyType[] = ["INT", "FLOAT", "DOUBLE", "STRING", "BOOLEAN", "BYTES"];
    fc.assert(
      fc.property(fc.uint8Array(), fc.constantFrom(...types), fc.boolean(), (bytes, type, isJson) => {
        try {
          decode(Buffer.from(bytes), isJson ? json(type, "a.0") : point(type));
        } catch (error) {
          expect(error).toMatchObject({ code: "VALUE_UNFIT" });
        }
      }),
    );
  });
});

describe("a command", () => {
  it.each<{ what: string; value: Value; of: Point; text: string }>([
    { what: "a number", value: 7, of: point("INT"), text: "7" },
    { what: "a long number", value: 2n ** 63n, of: point("INT"), text: "9223372036854775808" },
    { what: "a boolean", value: true, of: point("BOOLEAN"), text: "true" },
    { what: "in the device's words", value: false, of: point("BOOLEAN", { False: "OFF" }), text: "OFF" },
    { what: "bytes", value: Uint8Array.of(97), of: point("BYTES"), text: "a" },
    { what: "in JSON", value: 7, of: point("INT", { CommandPath: "set.to" }), text: '{"set":{"to":7}}' },
    {
      what: "a boolean in JSON",
      value: true,
      of: point("BOOLEAN", { CommandPath: "on" }),
      text: '{"on":true}',
    },
    {
      what: "a word in JSON",
      value: true,
      of: point("BOOLEAN", { CommandPath: "on", True: "ON" }),
      text: '{"on":"ON"}',
    },
    {
      what: "a long number in JSON, exactly",
      value: 2n ** 63n,
      of: point("INT", { CommandPath: "n" }),
      text: '{"n":"9223372036854775808"}',
    },
    {
      what: "bytes in JSON",
      value: Uint8Array.of(97),
      of: point("BYTES", { CommandPath: "b" }),
      text: '{"b":"YQ=="}',
    },
  ])("is sent: $what", ({ value, of, text }) => {
    expect(encode(value, of).toString()).toBe(text);
  });
});

describe("the settings of a device that speaks MQTT", () => {
  it.each([
    { text: "tcp://Broker.local", want: { host: "broker.local", port: 1883, isTls: false } },
    { text: "192.0.2.1:1884", want: { host: "192.0.2.1", port: 1884, isTls: false } },
    { text: "mqtts://[2001:db8::1]/", want: { host: "2001:db8::1", port: 8883, isTls: true } },
    { text: "ssl://a:1", want: { host: "a", port: 1, isTls: true } },
  ])("have a broker: $text", ({ text, want }) => {
    expect(placeOf({ broker: text })).toStrictEqual({ ...want, clientId: undefined });
  });

  it.each<{ config: ConfigData; why: string }>([
    { config: {}, why: "Broker is missing" },
    { config: { Broker: "tcp://user:hunter2@a" }, why: "must not hold credentials" },
    { config: { Broker: "http://a" }, why: "must begin with tcp://" },
    { config: { Broker: "tcp://a/b" }, why: "has no path" },
    { config: { Broker: "tcp://" }, why: "is no address" },
    { config: { Broker: "tcp://a:99999" }, why: "is no address" },
    { config: { Broker: "tcp://a", ClientID: "a/b" }, why: "ClientID may have" },
  ])("are refused: $config", ({ config, why }) => {
    expect(() => placeOf(config)).toThrow(why);
    expect(() => placeOf(config)).not.toThrow(/hunter2/);
  });

  it.each<{ config: ConfigData; why: string }>([
    { config: {}, why: "Topic or CommandTopic is missing" },
    { config: { Topic: "a/#" }, why: "one topic, without + and #" },
    { config: { CommandTopic: "a/+/b" }, why: "one topic, without + and #" },
    { config: { Topic: "a".repeat(65_536) }, why: "too long" },
    { config: { Topic: "a", QoS: 3 }, why: "from 0 to 2" },
    { config: { Topic: "a", Path: "a..b" }, why: "keys with dots between" },
    { config: { Topic: "a", Path: Array.from({ length: 33 }, () => "a").join(".") }, why: "32 at most" },
  ])("are refused for a property: $why", ({ config, why }) => {
    expect(() => pointOf(aProperty(config))).toThrow(why);
  });
});
