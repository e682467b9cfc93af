// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { judge, type DeviceFacts, type MapperFacts } from "../../src/devices/health.ts";

const LIMITS = { unreachableAfterMs: 5_000 };
const mapper = (over: Partial<MapperFacts> = {}): MapperFacts => ({
  name: "modbus",
  protocol: "modbus",
  unreachableForMs: undefined,
  isHeard: false,
  ...over,
});
const facts = (over: Partial<DeviceFacts>): DeviceFacts => ({
  problem: undefined,
  mapper: mapper(),
  trouble: undefined,
  reported: "online",
  ...over,
});
const shown = (over: Partial<DeviceFacts>): string => {
  const verdict = judge(facts(over), LIMITS);
  return verdict === undefined ? "nothing" : `${verdict.state} ${verdict.reason}`;
};
const value = { code: "VALUE" as const, message: 'temperature: "hot" is no INT' };

describe("why a device is in its state", () => {
  it.each([
    { when: "its mapper says so", given: {}, want: "online Reported" },
    { when: "its mapper has said nothing", given: { reported: undefined }, want: "nothing" },
    {
      when: "no mapper has registered",
      given: { mapper: undefined, reported: undefined },
      want: "unknown MapperMissing",
    },
    {
      when: "something reports that never registered",
      given: { mapper: undefined, reported: "ok" as const },
      want: "ok Reported",
    },
    {
      when: "its mapper has been away for a moment",
      given: { mapper: mapper({ unreachableForMs: 4_999 }) },
      want: "online Reported",
    },
    {
      when: "its mapper is away",
      given: { mapper: mapper({ unreachableForMs: 5_000 }) },
      want: "offline MapperUnreachable",
    },
    {
      when: "nobody answers at the socket of a mapper that goes on calling",
      given: { mapper: mapper({ unreachableForMs: 60_000, isHeard: true }) },
      want: "online Reported",
    },
    {
      when: "its mapper hangs over it",
      given: { trouble: { kind: "hung" as const, message: "m" } },
      want: "unhealthy MapperHung",
    },
    {
      when: "its mapper refuses it",
      given: { trouble: { kind: "refused" as const, message: "m" } },
      want: "unhealthy MapperRefuses",
    },
    {
      when: "a call about it was cut",
      given: { trouble: { kind: "cut" as const, message: "m" } },
      want: "online Reported",
    },
    {
      when: "its model is not here",
      given: { problem: { code: "NO_MODEL" as const, message: "m" } },
      want: "unknown ModelMissing",
    },
    {
      when: "it names no protocol",
      given: { problem: { code: "NO_PROTOCOL" as const, message: "m" } },
      want: "unknown NoProtocol",
    },
    {
      when: "mappers cannot be told of it",
      given: { problem: { code: "UNSUPPORTED" as const, message: "m" } },
      want: "unhealthy Unsupported",
    },
    { when: "a desired value does not fit", given: { problem: value }, want: "unhealthy ValueInvalid" },
    {
      when: "a desired value does not fit and its mapper is away",
      given: { problem: value, mapper: mapper({ unreachableForMs: 9_000 }) },
      want: "offline MapperUnreachable",
    },
    {
      when: "its model is not here and its mapper is away",
      given: {
        problem: { code: "NO_MODEL" as const, message: "m" },
        mapper: mapper({ unreachableForMs: 9_000 }),
      },
      want: "unknown ModelMissing",
    },
  ])("is $want when $when", ({ given, want }) => {
    expect(shown(given)).toBe(want);
  });

  it("is told in a sentence that names the property, and the mapper beside it", () => {
    expect(judge(facts({ problem: value }), LIMITS)).toEqual({
      state: "unhealthy",
      reason: "ValueInvalid",
      message: 'temperature: "hot" is no INT',
      mapper: "modbus",
    });
  });

  it("is told in at most 512 characters", () => {
    const trouble = { kind: "refused" as const, message: "x".repeat(2_000) };
    expect(judge(facts({ trouble }), LIMITS)?.message).toHaveLength(512);
  });
});
