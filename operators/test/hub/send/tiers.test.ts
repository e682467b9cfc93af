// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { inOrder, rankOf } from "../../../src/hub/send/tiers.ts";
import { want } from "../support/want.ts";

describe("order of sending", () => {
  it("is Node, deletes of users, deletes of what they used, what others use, users", () => {
    const wants = [
      want({ kind: "pod" }),
      want({ kind: "device" }),
      want({ kind: "membership" }),
      want({ kind: "secret" }),
      want({ kind: "devicemodel", op: "del" }),
      want({ kind: "membership", op: "del" }),
      want({ kind: "device", op: "del" }),
      want({ kind: "node" }),
    ];
    expect(inOrder(wants).map(({ op, kind }) => `${op} ${kind}`)).toEqual([
      "put node",
      "del device",
      "del membership",
      "del devicemodel",
      "put secret",
      "put membership",
      "put pod",
      "put device",
    ]);
  });

  it.each(["pod", "configmap", "secret", "device", "devicemodel", "membership", "unheardof"])(
    "deletes an old %s before a new one of its name is put",
    (kind) => expect(rankOf("del", kind)).toBeLessThan(rankOf("put", kind)),
  );
});
