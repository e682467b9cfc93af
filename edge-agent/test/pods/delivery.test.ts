// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { Clock } from "../../src/clock.ts";
import { CriError, type Cri } from "../../src/cri/index.ts";
import { FakeCloud, MemoryRecords, MemoryStore, podOf, silent } from "./fakes.ts";
import { createObjects } from "../../src/pods/cloud/objects.ts";
import { errorOf, isGone, isOtherUid, objectOf } from "../../src/pods/cloud/reply.ts";
import { createTokens, isStale, tokenRequest } from "../../src/pods/cloud/tokens.ts";
import { createImages } from "../../src/pods/images/images.ts";
import type { PodStatus } from "../../src/pods/model/pod-status.ts";
import { StatusSender } from "../../src/pods/status/sender.ts";

/** A clock that stands still until it is moved. */
class HandClock implements Clock {
  #nowMs = 1_700_000_000_000;
  #monoMs = 1_000;
  readonly #due: { atMs: number; fn: () => void }[] = [];
  nowMs(): number {
    return this.#nowMs;
  }
  monotonicMs(): number {
    return this.#monoMs;
  }
  schedule(delayMs: number, fn: () => void): () => void {
    const entry = { atMs: this.#monoMs + delayMs, fn };
    this.#due.push(entry);
    return () => {
      const at = this.#due.indexOf(entry);
      if (at >= 0) this.#due.splice(at, 1);
    };
  }
  jumpWall(ms: number): void {
    this.#nowMs += ms;
  }
  async advance(ms: number): Promise<void> {
    this.#monoMs += ms;
    this.#nowMs += ms;
    for (const entry of this.#due.filter((d) => d.atMs <= this.#monoMs)) {
      this.#due.splice(this.#due.indexOf(entry), 1);
      entry.fn();
    }
    await settle();
  }
}
const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

const target = { uid: "u", name: "p", namespace: "default" };
const status = (phase: PodStatus["phase"], startTime = "t"): PodStatus => ({
  phase,
  startTime,
  conditions: [],
});

describe("StatusSender", () => {
  const senderOf = (
    cloud: FakeCloud,
    clock = new HandClock(),
  ): { sender: StatusSender; clock: HandClock; results: string[] } => {
    const results: string[] = [];
    const sender = new StatusSender({
      uplink: cloud,
      clock,
      log: silent,
      timeoutMs: 1,
      resendAfterMs: 15_000,
      onSent: (r) => results.push(r),
    });
    return { sender, clock, results };
  };

  it("sends a string on podpatch, skips what is acknowledged, and then only differences", async () => {
    const cloud = new FakeCloud();
    const { sender } = senderOf(cloud);
    sender.set(target, status("Pending"));
    await settle();
    sender.set(target, status("Pending"));
    sender.set(target, status("Running"));
    await settle();
    expect(cloud.requests).toEqual([
      { operation: "patch", resource: "default/podpatch/p", content: expect.any(String) },
      {
        operation: "patch",
        resource: "default/podpatch/p",
        content: '{"metadata":{"uid":"u"},"status":{"phase":"Running"}}',
      },
    ]);
  });

  it("keeps only the latest while offline, sends it whole on connect and once more after 15 s", async () => {
    const cloud = new FakeCloud(false);
    const { sender, clock } = senderOf(cloud);
    sender.set(target, status("Pending"));
    sender.set(target, status("Running"));
    await settle();
    expect(cloud.requests).toEqual([]);
    cloud.setConnected(true);
    await settle();
    expect(cloud.patchesOf("p").map((p) => p.status)).toEqual([
      { phase: "Running", startTime: "t", conditions: [] },
    ]);
    await clock.advance(15_000);
    expect(cloud.patchesOf("p")).toHaveLength(2);
    await clock.advance(15_000);
    expect(cloud.patchesOf("p")).toHaveLength(2);
  });

  it("tries again after an error, and no more once the object is gone or another", async () => {
    const cloud = new FakeCloud();
    const { sender, clock, results } = senderOf(cloud);
    const answers: unknown[] = [
      { Object: null, Err: { ErrStatus: { code: 500, message: "etcd" } } },
      { Object: null, Err: { ErrStatus: { code: 404, reason: "NotFound" } } },
    ];
    cloud.answer = () => ({ content: answers.shift() });
    sender.set(target, status("Running"));
    await settle();
    await clock.advance(30_000);
    sender.set(target, status("Failed"));
    await settle();
    expect(results).toEqual(["failed", "gone"]);
  });

  it("sends at once on a connect, whatever pause an earlier session earned", async () => {
    const cloud = new FakeCloud();
    const { sender } = senderOf(cloud);
    cloud.answer = () => ({ operation: "error", content: "later" });
    sender.set(target, status("Running"));
    await settle();
    cloud.setConnected(false);
    cloud.answer = () => undefined;
    cloud.setConnected(true);
    await settle();
    expect(cloud.patchesOf("p")).toHaveLength(2);
  });
  it("flush waits for the acknowledgement, and says when there is none", async () => {
    const cloud = new FakeCloud();
    const { sender } = senderOf(cloud);
    sender.set(target, status("Running"));
    await expect(sender.flush("u")).resolves.toBeUndefined();
    cloud.answer = () => ({ operation: "error", content: "no" });
    sender.set(target, status("Failed"));
    await expect(sender.flush("u")).rejects.toMatchObject({ code: "UNREACHABLE" });
  });
});

describe("replies of the cloud", () => {
  const frame = (content: unknown, operation = "response") => ({
    header: { msg_id: "1", timestamp: 0 },
    route: { operation },
    content,
  });
  it.each([
    ["an object", frame({ metadata: {} }), undefined],
    ["ObjectResp without an error", frame({ Object: {}, Err: null }), undefined],
    ["OK", frame("OK"), undefined],
    ["a bare ErrStatus", frame({ ErrStatus: { code: 404 } }), { code: 404 }],
    ["ObjectResp with an error", frame({ Object: null, Err: { ErrStatus: { code: 409 } } }), { code: 409 }],
    [
      "ObjectResp with an error of no shape",
      frame({ Object: null, Err: {} }),
      { message: "refused by the cloud" },
    ],
    ["op error", frame("secret not granted", "error"), { message: "secret not granted" }],
  ])("%s", (_title, reply, want) => expect(errorOf(reply)).toEqual(want));
  it("never takes an error for an object", () => {
    expect(() => objectOf(frame({ ErrStatus: { code: 404 } }), "x")).toThrow(
      expect.objectContaining({ code: "NOT_FOUND" }),
    );
    expect(() => objectOf(frame("no", "error"), "x")).toThrow(expect.objectContaining({ code: "REFUSED" }));
    expect(() => objectOf(frame(["{}"]), "x")).toThrow(expect.objectContaining({ code: "REFUSED" }));
  });
  it("takes a conflict for another uid only when it says so", () => {
    const message = "Precondition failed: UID in precondition: a, UID in object meta: b";
    expect([
      isOtherUid({ code: 409, message }),
      isOtherUid({ code: 409, message: "the pod of that name has another uid" }),
      isOtherUid({ code: 409, message: "the object has been modified; please apply your changes" }),
      isOtherUid({ code: 422, message }),
    ]).toEqual([true, true, false, false]);
  });
  it("knows not found by code, reason or words", () => {
    expect([
      isGone({ code: 404 }),
      isGone({ reason: "NotFound" }),
      isGone({ message: "pods p not found" }),
      isGone({ code: 403 }),
    ]).toEqual([true, true, true, false]);
  });
});

describe("ConfigMaps and Secrets", () => {
  const make = () => {
    const [store, records, cloud, clock] = [
      new MemoryStore(),
      new MemoryRecords(),
      new FakeCloud(),
      new HandClock(),
    ] as const;
    return {
      store,
      records,
      cloud,
      clock,
      objects: createObjects({ store, records, uplink: cloud, clock, queryTimeoutMs: 1 }),
    };
  };
  const cm = (v: string) => ({ metadata: { name: "cm" }, data: { v } });

  it("come from the store, else from the cloud, and offline from what it answered last", async () => {
    const { store, cloud, objects } = make();
    cloud.objects["default/configmap/cm"] = cm("asked");
    const get = () => objects.of("default").get("configmap", "cm");
    expect(await get()).toMatchObject({ data: { v: "asked" } });
    expect(await get()).toMatchObject({ data: { v: "asked" } });
    expect(cloud.requests).toEqual([{ operation: "query", resource: "default/configmap/cm", content: null }]);
    cloud.setConnected(false);
    expect(await get()).toMatchObject({ data: { v: "asked" } });
    store.put("configmap", cm("pushed"));
    expect(await get()).toMatchObject({ data: { v: "pushed" } });
  });
  it("are asked for again after ten minutes, and forgotten when the cloud says that they are gone", async () => {
    const { cloud, clock, objects, records } = make();
    cloud.objects["default/configmap/cm"] = cm("1");
    await objects.of("default").get("configmap", "cm");
    await clock.advance(600_000);
    cloud.objects = {};
    expect(await objects.of("default").get("configmap", "cm")).toBeUndefined();
    expect(records.list("pods/queried")).toEqual([]);
  });
  describe("that the cloud does not have", () => {
    const SECOND_MS = 1_000;
    const looks = async (t: ReturnType<typeof make>, seconds: number): Promise<number> => {
      const before = t.cloud.requests.length;
      for (let i = 0; i < seconds; i++) {
        await t.objects
          .of("default")
          .get("secret", "s")
          .catch(() => undefined);
        await t.clock.advance(SECOND_MS);
      }
      return t.cloud.requests.length - before;
    };
    const refuse = () => ({ operation: "error", content: "secret not granted" });

    it.each([
      ["do not exist", () => undefined],
      ["it refuses", refuse],
    ])("are asked for with pauses that double up to a minute, when they %s", async (_title, answer) => {
      const t = make();
      t.cloud.answer = answer;
      // after 0, 2, 6, 14, 30 and 62 s
      expect(await looks(t, 120)).toBe(6);
      expect(await looks(t, 120)).toBe(2);
    });
    it("say the same again during a pause", async () => {
      const t = make();
      const get = () => t.objects.of("default").get("secret", "s");
      expect([await get(), await get()]).toEqual([undefined, undefined]);
      await t.objects.drop("secret/default/s");
      t.cloud.answer = refuse;
      await expect(get()).rejects.toMatchObject({ code: "REFUSED" });
      await expect(get()).rejects.toMatchObject({ code: "REFUSED" });
      expect(t.cloud.requests).toHaveLength(2);
    });
    it.each<[string, (t: ReturnType<typeof make>) => unknown]>([
      ["a push that was taken back", (t) => t.objects.drop("secret/default/s")],
      ["a connect", (t) => t.objects.askAgain()],
    ])("are asked for at once after %s", async (_title, happen) => {
      const t = make();
      await looks(t, 60);
      await happen(t);
      expect(await looks(t, 1)).toBe(1);
    });
    it("count one miss of several pods that ask at the same time", async () => {
      const t = make();
      const get = () => t.objects.of("default").get("secret", "s");
      await Promise.all([get(), get(), get()]);
      await t.clock.advance(2_000);
      expect(await looks(t, 1)).toBe(1);
    });
    it("are remembered only while a pod uses them", async () => {
      const t = make();
      await looks(t, 1);
      await t.objects.retain(() => false);
      expect(await looks(t, 1)).toBe(1);
    });
  });
  it("say unreachable when nobody can tell", async () => {
    const { cloud, objects } = make();
    cloud.setConnected(false);
    await expect(objects.of("default").get("secret", "s")).rejects.toMatchObject({ code: "UNREACHABLE" });
  });
});

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
  it("R8 are used past their end while the cloud is away, also by a new process, and after a refused refresh", async () => {
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
  it("R27 survive a wall clock that jumps: at worst one more request", () => {
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

describe("images", () => {
  const make = (present: boolean) => {
    const clock = new HandClock();
    const calls: string[] = [];
    let fail = false;
    let has = present;
    let looks = 0;
    const cri = {
      imageStatus: () => {
        looks += 1;
        return Promise.resolve(has ? { id: "sha256:1", username: "", uid: undefined } : undefined);
      },
      pullImage: (image: string) => {
        calls.push(image);
        if (fail) return Promise.reject(new CriError("RUNTIME", "PullImage", "no such host"));
        has = true;
        return Promise.resolve("ref");
      },
    } as unknown as Cri;
    const images = createImages({ cri, clock });
    let woken = 0;
    const ensure = (imagePullPolicy: string, startKey = "k", name = "r/i:1") =>
      images.ensure({
        container: { name: "c", image: name, imagePullPolicy },
        startKey,
        secrets: () => Promise.resolve([]),
        wake: () => void (woken += 1),
      });
    const setFail = (value: boolean): void => void (fail = value);
    return { clock, calls, ensure, looks: () => looks, woken: () => woken, setFail };
  };

  it("that are there are used with IfNotPresent, and pulled once a start with Always", async () => {
    const t = make(true);
    expect(await t.ensure("IfNotPresent")).toMatchObject({ kind: "ready", image: { ref: "sha256:1" } });
    expect(await t.ensure("Always")).toMatchObject({ kind: "wait", wait: { untilMs: Infinity } });
    await settle();
    expect(await t.ensure("Always")).toMatchObject({ kind: "ready" });
    expect([t.calls.length, t.woken()]).toEqual([1, 1]);
    expect(await t.ensure("Always", "next start")).toMatchObject({ kind: "wait" });
  });
  it.each(["UPPER", "r.io/UPPER", "a b", "x:", "r.io//x", "x@sha256:12"])(
    "of the name %p are never looked for nor pulled",
    async (name) => {
      const t = make(false);
      const outcome = await t.ensure("Always", "k", name);
      expect(outcome).toMatchObject({
        wait: {
          reason: "InvalidImageName",
          message: expect.stringContaining("invalid reference format"),
          untilMs: Infinity,
        },
      });
      expect([t.looks(), t.calls.length]).toEqual([0, 0]);
    },
  );
  it("that are not there are never pulled with Never", async () => {
    const t = make(false);
    expect(await t.ensure("Never")).toMatchObject({ wait: { reason: "ErrImageNeverPull" } });
    expect(t.calls).toEqual([]);
  });
  it("that fail show the error, then back off and double", async () => {
    const t = make(false);
    t.setFail(true);
    await t.ensure("IfNotPresent");
    await settle();
    expect(await t.ensure("IfNotPresent")).toMatchObject({
      wait: { reason: "ErrImagePull", message: "PullImage: no such host" },
    });
    await t.clock.advance(2_000);
    expect(await t.ensure("IfNotPresent")).toMatchObject({ wait: { reason: "ImagePullBackOff" } });
    expect(t.calls).toHaveLength(1);
    await t.clock.advance(8_000);
    await t.ensure("IfNotPresent");
    await settle();
    await t.clock.advance(12_000);
    expect(await t.ensure("IfNotPresent")).toMatchObject({ wait: { reason: "ImagePullBackOff" } });
    expect(t.calls).toHaveLength(2);
    t.setFail(false);
    await t.clock.advance(8_000);
    await t.ensure("IfNotPresent");
    await settle();
    expect(await t.ensure("IfNotPresent")).toMatchObject({ kind: "ready" });
  });
  it("that failed long ago are tried as if for the first time", async () => {
    const t = make(false);
    t.setFail(true);
    await t.ensure("IfNotPresent");
    await settle();
    await t.clock.advance(400_000);
    await t.ensure("IfNotPresent");
    await settle();
    await t.clock.advance(11_000);
    await t.ensure("IfNotPresent");
    expect(t.calls).toHaveLength(3);
  });
});
