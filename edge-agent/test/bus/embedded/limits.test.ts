// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { grantsOf, mayPublish, maySubscribe, mayWill, type Grants } from "../../../src/bus/embedded/acl.ts";
import { hashPassword, isPassword, parseCredentials } from "../../../src/bus/embedded/credentials.ts";
import { Door } from "../../../src/bus/embedded/door.ts";
import { PacketLengths } from "../../../src/bus/embedded/guard.ts";
import { DEFAULT_SESSION_LIMITS, Retained } from "../../../src/bus/embedded/sessions.ts";
import { Recent } from "../../../src/bus/recent.ts";
import { fakeClock } from "../../tunnel/fakes.ts";
import { publishPacket } from "../support/raw-client.ts";

const grants = (...words: string[]): Grants => {
  const given = grantsOf(words, "edge-1");
  if (typeof given === "string") throw new Error(given);
  return given;
};

describe("grants", () => {
  const ofDevice = grants("default/d1");
  it.each([
    ["$hw/events/device/default/d1/twin/update", true],
    ["$hw/events/device/default/d1/twin/get", true],
    ["$hw/events/device/default/d1/state/update", true],
    ["$hw/events/upload/default/d1/log", true],
    ["$hw/events/device/default/d1/twin/update/result", false],
    ["$hw/events/device/default/d11/twin/update", false],
    ["$hw/events/upload/default/d1x", false],
    ["$hw/events/node/edge-1/membership/get", false],
    ["default/user/x", false],
  ])("S35 a device may publish to %s: %s", (topic, may) => {
    expect(mayPublish(ofDevice, topic)).toBe(may);
  });

  it("S35 whatever is granted, nobody speaks for the agent", () => {
    const all = grants("pubsub:#", "pubsub:$hw/#", "node");
    fc.assert(
      fc.property(
        fc.constantFrom("a", "default/d1", "../x"),
        fc.constantFrom("twin/update/result", "twin/update/delta", "twin/update/document", "updated", "x"),
        (device, suffix) => {
          expect(mayPublish(all, `$hw/events/device/${device}/${suffix}`)).toBe(false);
        },
      ),
    );
    expect(mayPublish(all, "$hw/events/node/edge-1/membership/updated")).toBe(false);
    expect(mayPublish(all, "$hw/events/upload/longshore/gap")).toBe(false);
    expect(mayPublish(all, "$share/x/y")).toBe(false);
    expect(maySubscribe(all, "$SYS/#")).toBe(false);
  });

  it("B106 a last will may tell of a state, and ask for nothing", () => {
    expect(mayWill(ofDevice, "$hw/events/device/default/d1/state/update")).toBe(true);
    expect(mayWill(ofDevice, "$hw/events/device/default/d1/twin/update")).toBe(false);
    expect(mayWill(grants("node"), "$hw/events/node/edge-1/membership/get")).toBe(false);
    expect(mayWill(grants("pub:line/#"), "line/1")).toBe(true);
  });

  it.each(["default", "Default/D1", "pub:", "pub:a/#/b", "sub:$SYS/#", "what:a"])(
    "refuses the word %s",
    (word) => {
      expect(grantsOf(["default/d1", word], "edge-1")).toMatch(/^grant 2 must be/);
    },
  );
});

describe("the file of users", () => {
  it("knows a password by its hash, and each hash has a salt of its own", async () => {
    const [one, two] = await Promise.all([hashPassword("pass"), hashPassword("pass")]);
    expect(one).not.toBe(two);
    expect(await isPassword(one, Buffer.from("pass"))).toBe(true);
    expect(await isPassword(one, Buffer.from("Pass"))).toBe(false);
    expect(await isPassword(undefined, Buffer.from("pass"))).toBe(false);
  });

  const hash = `scrypt$16384$8$1$${"A".repeat(22)}==$${"B".repeat(43)}=`;
  it("has lines of user, hash and grants", () => {
    const users = parseCredentials(`# comment\n\nd1:${hash}:default/d1 sub:line/#\r\n`, "edge-1");
    expect(users.get("d1")?.grants.subscribe).toEqual(["$hw/events/device/default/d1/#", "line/#"]);
  });

  it.each([
    ["no colons", "d1", "line 1"],
    ["a plain password", "d1:secret:default/d1", "hash"],
    [
      "a cost that starves the agent",
      `d1:scrypt$1048576$8$1$${"A".repeat(22)}==$${"B".repeat(43)}=:`,
      "hash",
    ],
    ["a cost that is no power of two", `d1:scrypt$16385$8$1$${"A".repeat(22)}==$${"B".repeat(43)}=:`, "hash"],
    ["a user twice", `d1:${hash}:\nd1:${hash}:`, "line 2"],
    ["a word that grants nothing", `d1:${hash}:everything`, "grant 1"],
  ])("with %s is refused, and the error says where, not what", (_what, text, words) => {
    expect(() => parseCredentials(text, "edge-1")).toThrow(words);
    expect(() => parseCredentials(text, "edge-1")).not.toThrow("secret");
  });
});

describe("the door", () => {
  it("B106 shuts after ten wrong passwords and opens again after a minute", () => {
    const clock = fakeClock();
    const door = new Door(clock);
    for (let i = 0; i < 10; i++) {
      expect(door.knock("d1 ::1")).toBeUndefined();
      door.wrongPassword("d1 ::1");
    }
    expect(door.knock("d1 ::1")).toBe("banned");
    expect(door.knock("d2 ::1")).toBeUndefined();
    clock.advance(61_000);
    expect(door.knock("d1 ::1")).toBeUndefined();
  });

  it("lets nobody connect more than 60 times a minute", () => {
    const door = new Door(fakeClock());
    for (let i = 0; i < 60; i++) door.knock("d1 ::1");
    expect(door.knock("d1 ::1")).toBe("rate");
  });
});

describe("lengths of packets", () => {
  it("B99 are read right however the bytes are cut, and one that is too long is found on its header", () => {
    const packets = fc.array(fc.nat(3_000), { maxLength: 8 });
    fc.assert(
      fc.property(packets, fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1 }), (sizes, cuts) => {
        const all = Buffer.concat(sizes.map((size) => publishPacket("t", Buffer.alloc(size))));
        const lengths = new PacketLengths(2_003);
        let at = 0;
        let isFine = true;
        for (let i = 0; at < all.length && isFine; i++) {
          const cut = cuts[i % cuts.length] ?? 1;
          isFine = lengths.accepts(all.subarray(at, at + cut));
          at += cut;
        }
        expect(isFine).toBe(sizes.every((size) => size + 3 <= 2_003));
      }),
    );
    expect(new PacketLengths(1_000).accepts(Buffer.from([0x30, 0xff, 0xff, 0x7f]))).toBe(false);
    expect(new PacketLengths(2 ** 30).accepts(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80]))).toBe(false);
  });
});

describe("retained messages", () => {
  it("B105 are bounded by topics and by bytes, and an empty one gives room again", () => {
    const retained = new Retained({ ...DEFAULT_SESSION_LIMITS, retainedTopics: 2, retainedBytes: 100 });
    expect(retained.take("u", "a", 10)).toBe(true);
    expect(retained.take("u", "b", 10)).toBe(true);
    expect(retained.take("u", "c", 10)).toBe(false);
    expect(retained.take("v", "c", 10)).toBe(true);
    expect(retained.take("v", "d", 90)).toBe(false);
    expect(retained.take("u", "a", 0)).toBe(true);
    expect(retained.take("u", "c", 10)).toBe(true);
  });
});

describe("packets that are sent again", () => {
  it("B103 are told from new ones by id, content and the mark of a duplicate, and are not remembered for ever", () => {
    const recent = new Recent();
    const first = {
      topic: "t",
      payload: Buffer.from("x"),
      qos: 1 as const,
      messageId: 1,
      isDuplicate: false,
    };
    recent.done(first);
    expect(recent.has(first)).toBe(false);
    expect(recent.has({ ...first, isDuplicate: true })).toBe(true);
    expect(recent.has({ ...first, isDuplicate: true, payload: Buffer.from("y") })).toBe(false);
    for (let id = 2; id < 300; id++) recent.done({ ...first, messageId: id });
    expect(recent.has({ ...first, isDuplicate: true })).toBe(false);
  });
});
