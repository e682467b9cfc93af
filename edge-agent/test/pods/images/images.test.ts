// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { CriError, type Cri } from "../../../src/cri/index.ts";
import { createImages } from "../../../src/pods/images/images.ts";
import { HandClock, settle } from "../hand-clock.ts";

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
