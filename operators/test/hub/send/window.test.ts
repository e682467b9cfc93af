// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Window, type Slot } from "../../../src/hub/send/window.ts";
import { want } from "../support/want.ts";

describe("the send window", () => {
  it("holds its limits and one frame a key under any sequence of sends, acks, failures and timeouts", () => {
    const step = fc.record({
      what: fc.constantFrom<"send" | "ack" | "fail" | "expire">("send", "ack", "fail", "expire"),
      name: fc.integer({ min: 0, max: 9 }).map((n) => `p${n}`),
      bytes: fc.integer({ min: 1, max: 60 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const window = new Window({ frames: 4, bytes: 100 });
        const model = new Map<string, { id: string; bytes: number }>();
        const done = (name: string, take: (id: string) => Slot | undefined): void => {
          const slot = take(model.get(name)?.id ?? "none");
          expect(slot !== undefined).toBe(model.delete(name));
          if (slot !== undefined) window.release(slot);
        };
        steps.forEach(({ what, name, bytes }, nowMs) => {
          const isFree = window.hasRoom() && !window.has(`pod/default/${name}`) && window.fits(bytes);
          if (what === "send" && isFree) {
            window.sent(window.reserve(want({ name }), 0), `id-${nowMs}`, bytes, nowMs);
            model.set(name, { id: `id-${nowMs}`, bytes });
          }
          if (what === "ack") done(name, (id) => window.acknowledge(id));
          if (what === "fail") done(name, (id) => window.find(id));
          if (what === "expire") for (const slot of window.expire(nowMs - 20)) model.delete(slot.want.name);
          expect([window.size, window.fields.size]).toEqual([model.size, model.size]);
          expect(window.unackedBytes).toBe([...model.values()].reduce((sum, s) => sum + s.bytes, 0));
          expect(window.size).toBeLessThanOrEqual(4);
          expect(window.unackedBytes).toBeLessThanOrEqual(100);
        });
      }),
    );
  });

  it("S32 takes an acknowledgement once", () => {
    const window = new Window({ frames: 4, bytes: 100 });
    window.sent(window.reserve(want(), 0), "a", 10, 0);
    const slot = window.acknowledge("a");
    expect(slot?.state).toBe("settling");
    expect(window.acknowledge("a")).toBeUndefined();
    expect(window.has("pod/default/p")).toBe(true);
    window.release(slot!);
    expect(window.acknowledge("a")).toBeUndefined();
    expect(window.size).toBe(0);
  });

  it("takes a late acknowledgement of an overdue frame, unless its key was sent again under another id", () => {
    const window = new Window({ frames: 4, bytes: 100 });
    window.sent(window.reserve(want(), 0), "a", 10, 0);
    expect(window.expire(0)).toHaveLength(1);
    expect(window.size).toBe(0);
    expect(window.acknowledge("a")?.msgId).toBe("a");
    const other = new Window({ frames: 4, bytes: 100 });
    other.sent(other.reserve(want(), 0), "a", 10, 0);
    other.expire(0);
    other.sent(other.reserve(want(), 0), "b", 10, 1);
    expect(other.acknowledge("a")).toBeUndefined();
    expect(other.acknowledge("b")?.msgId).toBe("b");
  });

  it("lets one frame pass that is bigger than the window, alone", () => {
    const window = new Window({ frames: 4, bytes: 100 });
    expect(window.fits(1_000)).toBe(true);
    window.sent(window.reserve(want(), 0), "a", 1_000, 0);
    expect([window.fits(1), window.hasRoom()]).toEqual([false, false]);
  });
});
