// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { schemas } from "@longshore/crds/tasks";
import fc from "fast-check";
import { RESOURCE, TaskRig } from "./task-rig.ts";

interface Schema {
  readonly type: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly maxLength?: number;
}

/** What the API server would refuse. */
function faults(value: unknown, schema: Schema, at = ""): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => faults(item, schema.items!, `${at}[]`));
  if (typeof value === "object") return faultsOfObject(value as object, schema, at);
  return isWithin(value, schema) ? [] : [`${at}: ${JSON.stringify(value)}`];
}

function isWithin(value: unknown, { type, maxLength = Infinity, enum: words }: Schema): boolean {
  if (words?.includes(value) === false) return false;
  if (typeof value === "string") return type === "string" && value.length <= maxLength;
  return type === "integer" && Number.isInteger(value);
}

function faultsOfObject(value: object, { properties = {}, required = [] }: Schema, at: string): string[] {
  const missing = required.filter((key) => !Object.hasOwn(value, key)).map((key) => `${at} ${key}`);
  const wrong = Object.entries(value).flatMap(([key, member]) =>
    properties[key] === undefined ? [`${at}.${key}`] : faults(member, properties[key], `${at}.${key}`),
  );
  return [...missing, ...wrong];
}

describe("whatever is told", () => {
  const text = fc.oneof(
    fc.string({ maxLength: 20 }),
    fc.constant("é".repeat(6_000)),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const list = fc.oneof(
    fc.array(
      fc.record(
        {
          action: fc.constantFrom("Check", "Pull", "x"),
          status: fc.constantFrom("True", "Maybe"),
          reason: text,
          time: text,
        },
        { requiredKeys: [] },
      ),
      { maxLength: 12 },
    ),
    fc.array(fc.record({ image: text, status: text, state: text, reason: text }, { requiredKeys: [] }), {
      maxLength: 4,
    }),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const content = fc.record(
    {
      ...{
        action: fc.constantFrom("Check", "Pull"),
        succ: fc.boolean(),
        finishTime: text,
        reason: text,
        extend: fc.oneof(text, fc.json()),
      },
      ...{ attempt: fc.oneof(fc.integer(), text), actions: list, images: list, progress: text, log: text },
      ...{
        fromVersion: text,
        toVersion: text,
        NodeName: fc.constantFrom("", "edge-1"),
        State: text,
        Time: text,
      },
      ...{
        Event: fc.constantFrom("Check", "Pull", "Init"),
        Action: fc.constantFrom("Success", "Failure"),
        Reason: text,
        ExternalMessage: fc.oneof(text, fc.json()),
      },
    },
    { requiredKeys: [] },
  );

  it("S16 S36 is refused, or stored within its schema, and is no failure of the hub", async () => {
    const schema = schemas["NodeTaskReport"] as Schema;
    let times = 0;
    await fc.assert(
      fc.asyncProperty(content, fc.boolean(), async (told, isOld) => {
        const rig = new TaskRig(true);
        if (isOld) await rig.tell("task/j/node/edge-1", told, "prepull");
        else await rig.tell(RESOURCE, told);
        expect(rig.bench.sent).toHaveLength(1);
        expect(await rig.bench.rejected("INTERNAL")).toBe(0);
        const report = rig.stored();
        if (report === undefined) return;
        times += 1;
        expect(faults({ report }, schema)).toEqual([]);
      }),
      { numRuns: 400 },
    );
    expect(times).toBeGreaterThan(40);
  });
});
