// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { ApiError, type Client } from "@longshore/operators/runtime";
import { createRuleLookups } from "../../src/rule/lookups.ts";
import { restToBus } from "./rules.ts";

const failure = (code: number, reason: string) => new ApiError({ code, reason, message: reason });

describe("look-ups for rules", () => {
  const failures: string[] = [];
  const lookups = (client: object) =>
    createRuleLookups(client as Client, (resource) => failures.push(resource));

  it("tell an endpoint, one that is missing, and one that cannot be read", async () => {
    const spec = { ruleEndpointType: "rest" };
    const answers = [
      () => Promise.resolve({ metadata: { name: "a" }, spec }),
      () => Promise.reject(failure(404, "NotFound")),
      () => Promise.reject(failure(500, "InternalError")),
    ];
    const known = lookups({ get: () => answers.shift()?.() });
    expect(await known.endpoint("ns", "a")).toEqual(spec);
    expect(await known.endpoint("ns", "a")).toBe("missing");
    expect(await known.endpoint("ns", "a")).toBe("unknown");
    expect(failures.splice(0)).toEqual(["ruleendpoints"]);
  });

  it("leave out rules that are none, and tell when they cannot be read", async () => {
    const named = (name: string, spec: unknown) => ({ metadata: { name }, spec });
    const items = [named("good", restToBus), named("empty", undefined), named("odd", { sourceResource: 1 })];
    const answers = [() => Promise.resolve({ items }), () => Promise.reject(failure(0, "ConnectionFailed"))];
    const known = lookups({ list: () => answers.shift()?.() });
    expect(await known.rules("ns")).toEqual([{ name: "good", spec: restToBus }]);
    expect(await known.rules("ns")).toBe("unknown");
    expect(failures.splice(0)).toEqual(["rules"]);
  });

  it("are so many at a time and no more", async () => {
    let release = (): void => undefined;
    const held = new Promise<object>((resolve) => {
      release = () => resolve({ items: [] });
    });
    const known = lookups({ list: () => held });
    const running = Array.from({ length: 40 }, () => known.rules("ns"));
    expect(await Promise.all(running.slice(32))).toEqual(Array(8).fill("unknown"));
    release();
    expect(await Promise.all(running.slice(0, 32))).toEqual(Array(32).fill([]));
  });
});
