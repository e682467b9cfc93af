// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import { ApiError, type Client } from "@longshore/operators/runtime";
import { createModelReader, type ModelReader } from "../../src/device/models.ts";

const TTL_MS = 5_000;

describe("the reader of models", () => {
  let nowMs: number;
  let asked: { name: string; resourceVersion: string | undefined; timeoutMs: number | undefined }[];
  let stored: Map<string, { properties: { name: string; description?: string }[] }>;
  let failures: unknown[];
  let fault: ApiError | undefined;
  let reader: ModelReader;

  const client = {
    get: async (
      _resource: object,
      { name }: { name: string },
      options: { resourceVersion?: string; timeoutMs?: number },
    ) => {
      asked.push({ name, resourceVersion: options.resourceVersion, timeoutMs: options.timeoutMs });
      await Promise.resolve();
      if (fault) throw fault;
      const spec = stored.get(name);
      if (!spec) throw new ApiError({ code: 404, reason: "NotFound", message: "not found" });
      return { metadata: { name, uid: "", resourceVersion: "1" }, spec };
    },
  } as unknown as Client;

  beforeEach(() => {
    nowMs = 0;
    asked = [];
    failures = [];
    fault = undefined;
    stored = new Map([["m", { properties: [{ name: "a", description: "long" }] }]]);
    const clock = { nowMs: () => nowMs, wallMs: () => nowMs, schedule: () => () => undefined };
    const failed = (error: unknown): void => void failures.push(error);
    reader = createModelReader({ client, clock, failed }, { ttlMs: TTL_MS, maxReads: 2, maxProperties: 4 });
  });

  it("asks the API server's cache, keeps what is judged by for a while, and asks again", async () => {
    expect(await reader.read("ns", "m")).toEqual({ properties: [{ name: "a" }] });
    nowMs = TTL_MS - 1;
    await reader.read("ns", "m");
    expect(asked).toEqual([{ name: "m", resourceVersion: "0", timeoutMs: 1_000 }]);
    nowMs = TTL_MS;
    await reader.read("ns", "m");
    expect(asked).toHaveLength(2);
  });

  it("reads anew and consistently when told to", async () => {
    await reader.read("ns", "m");
    await reader.read("ns", "m", { isFresh: true });
    expect(asked.map(({ resourceVersion }) => resourceVersion)).toEqual(["0", undefined]);
  });

  it("does not remember that a model was not there", async () => {
    expect(await reader.read("ns", "later")).toBe("missing");
    stored.set("later", { properties: [] });
    expect(await reader.read("ns", "later")).toEqual({ properties: [] });
    expect(failures).toEqual([]);
  });

  it.each([0, 403, 429, 500])("answers unknown and tells when the API server says %d", async (code) => {
    fault = new ApiError({ code, reason: "Trouble", message: "trouble" });
    expect(await reader.read("ns", "m")).toBe("unknown");
    expect(failures).toEqual([fault]);
  });

  it("reads one model once for many who ask at a time, and not too many models at once", async () => {
    const [a, b, other, third] = await Promise.all(
      ["m", "m", "x", "y"].map((name) => reader.read("ns", name)),
    );
    expect(a).toBe(b);
    expect([other, third]).toEqual(["missing", "unknown"]);
    expect(asked).toHaveLength(2);
  });

  it("keeps a bounded number of properties, the latest", async () => {
    for (const name of ["one", "two", "three"]) {
      stored.set(name, { properties: [{ name }] });
      await reader.read("ns", name);
    }
    await reader.read("ns", "three");
    await reader.read("ns", "two");
    expect(asked).toHaveLength(3);
    await reader.read("ns", "one");
    expect(asked).toHaveLength(4);
  });
});
