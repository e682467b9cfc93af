// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { FakeCloud, MemoryRecords, podOf } from "../fakes.ts";
import { createTokens, isStale, tokenRequest } from "../../../src/pods/cloud/tokens.ts";
import { HandClock } from "../hand-clock.ts";

describe("ServiceAccount tokens", () => {
  const pod = podOf("p", { containers: [], serviceAccountName: "sa" });
  const projection = { path: "token", expirationSeconds: 3607 };
  const make = () => {
    const [records, cloud, clock] = [new MemoryRecords(), new FakeCloud(), new HandClock()] as const;
    let n = 0;
    cloud.answer = () => ({
      content: {
        status: { token: `t${++n}`, expirationTimestamp: new Date(clock.nowMs() + 3_607_000).toISOString() },
      },
    });
    return {
      records,
      cloud,
      clock,
      tokens: createTokens({ records, uplink: cloud, clock, queryTimeoutMs: 1 }),
    };
  };

  it("are asked for as a real EdgeCore asks, the seconds unchanged", async () => {
    const { cloud, tokens } = make();
    expect(await tokens.get(pod, projection)).toBe("t1");
    expect(cloud.requests).toEqual([
      {
        operation: "query",
        resource: "default/serviceaccounttoken/sa",
        content: tokenRequest(pod, projection),
      },
    ]);
    expect(tokenRequest(podOf("p1", { containers: [] }, "95e65bbb"), projection)).toEqual({
      metadata: { creationTimestamp: null },
      spec: {
        audiences: null,
        expirationSeconds: 3607,
        boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "p1", uid: "95e65bbb" },
      },
      status: { token: "", expirationTimestamp: null },
    });
  });
  it("are refreshed at 80 % of their life", async () => {
    const { clock, tokens } = make();
    await tokens.get(pod, projection);
    await clock.advance(2_880_000);
    expect(await tokens.get(pod, projection)).toBe("t1");
    await clock.advance(10_000);
    expect(await tokens.get(pod, projection)).toBe("t2");
  });
  it("R8 in part: are used past their end while the cloud is away, also by a new process, and after a refused refresh", async () => {
    const { records, cloud, clock, tokens } = make();
    await tokens.get(pod, projection);
    await clock.advance(72 * 3_600_000);
    cloud.setConnected(false);
    const later = createTokens({ records, uplink: cloud, clock, queryTimeoutMs: 1 });
    expect(await later.get(pod, projection)).toBe("t1");
    cloud.setConnected(true);
    cloud.answer = () => ({ operation: "error", content: "no" });
    expect(await later.get(pod, projection)).toBe("t1");
  });
  it("that do not exist are an error, never an object", async () => {
    const { cloud, tokens, records } = make();
    cloud.answer = () => ({ content: { ErrStatus: { code: 403, message: "forbidden" } } });
    await expect(tokens.get(pod, projection)).rejects.toMatchObject({ code: "REFUSED" });
    expect(records.list("pods/tokens")).toEqual([]);
  });
  it("R27 in part: survive a wall clock that jumps: at worst one more request", () => {
    const held = { token: "t", lifeMs: 3_607_000, receivedAtMs: 1_000_000 };
    expect([isStale(held, 1_000_001), isStale(held, 999_999), isStale(held, 10 ** 13)]).toEqual([
      false,
      true,
      true,
    ]);
  });
  it("are forgotten with their pod", async () => {
    const { records, tokens } = make();
    await tokens.get(pod, projection);
    await tokens.forget("uid-p");
    expect(records.list("pods/tokens")).toEqual([]);
  });
});
