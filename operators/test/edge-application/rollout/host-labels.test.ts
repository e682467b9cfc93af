// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { createHostLabels, versionKeysOf } from "../../../src/edge-application/rollout/host-labels.ts";
import { ApiError, type Client } from "../../../src/runtime/index.ts";

const KEY = "version.longshore.io/0123456789abcdef";
const signal = new AbortController().signal;

const labels = (fail?: Error) => {
  const patches: unknown[] = [];
  const patch = ((
    _resource: object,
    { name }: { name: string },
    { type, body }: { type: string; body: object },
  ) => {
    patches.push({ name, type, body });
    return fail === undefined ? Promise.resolve({}) : Promise.reject(fail);
  }) as unknown as Client["patch"];
  return { patches, hosts: createHostLabels({ client: { patch }, labelled: () => [] }) };
};
const failure = (code: number, reason: string): ApiError =>
  new ApiError({ code, reason, message: reason, kind: "Status" } as never);

describe("labels of hosts", () => {
  it.each([
    { version: "v2", value: "v2" },
    { version: undefined, value: null },
  ])("are written alone, by merge patch: $value", async ({ version, value }) => {
    const { hosts, patches } = labels();
    await hosts.set(KEY, { node: "host-1", version }, signal);
    expect(patches).toEqual([
      { name: "host-1", type: "merge", body: { metadata: { labels: { [KEY]: value } } } },
    ]);
  });
  it("are found by their domain", () => {
    expect(versionKeysOf({ [KEY]: "v2", "version.longshore.iox/a": "", zone: "a" })).toEqual([KEY]);
  });
  it("do not mind that a node is gone", async () => {
    const { hosts } = labels(failure(404, "NotFound"));
    await expect(hosts.set(KEY, { node: "host-1" }, signal)).resolves.toBeUndefined();
  });
  it("pass on that they may not be written", async () => {
    const { hosts } = labels(failure(403, "Forbidden"));
    await expect(hosts.set(KEY, { node: "host-1" }, signal)).rejects.toThrow("Forbidden");
  });
});
