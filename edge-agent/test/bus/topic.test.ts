// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { covers, filterFault, matches, routeOf, topicFault } from "../../src/bus/topic.ts";

describe("topics", () => {
  it.each([
    ["$hw/events/device/default/d1/twin/update", { kind: "twin/update", device: "default/d1" }],
    ["$hw/events/device/default/d1/twin/get", { kind: "twin/get", device: "default/d1" }],
    ["$hw/events/device/default/d1/state/update", { kind: "state/update", device: "default/d1" }],
    ["$hw/events/node/edge-1/membership/get", { kind: "membership/get", node: "edge-1" }],
    ["$hw/events/upload/a/b", { kind: "upload" }],
    ["$hw/events/upload", { kind: "upload" }],
    ["SYS/dis/upload_records", { kind: "upload" }],
    ["default/user/alarm/1", { kind: "upload" }],
    ["line/7", { kind: "upload" }],
    ["$hw/events/upload/longshore/gap", { kind: "none" }],
    ["$hw/events/device/default/d1/twin/update/result", { kind: "none" }],
    ["$hw/events/device/default/d1/twin/other", { kind: "none" }],
    ["$hw/events/device/D1/d1/twin/update", { kind: "none" }],
    ["$hw/events/device/../d1/twin/update", { kind: "none" }],
    ["$hw/events/device/d1/twin/update", { kind: "none" }],
    ["$hw/events/node/edge-1/membership/updated", { kind: "none" }],
    ["SYS/dis/upload_records/x", { kind: "none" }],
    ["user/x", { kind: "none" }],
  ])("%s asks for %j", (topic, route) => {
    expect(routeOf(topic, ["line/+"])).toEqual(route);
  });

  it.each([
    ["", "length"],
    ["a".repeat(1_025), "length"],
    ["a/+/b", "wildcard"],
    ["a/#", "wildcard"],
    ["$SYS/x", "system"],
    [Array(33).fill("a").join("/"), "levels"],
    ["a\0b", "encoding"],
    ["a\nb", "encoding"],
    [Buffer.from([0x61, 0xff, 0x62]).toString("utf8"), "encoding"],
    ["$hw/events/upload/ä", undefined],
  ])("B97 B100 a topic %j is at fault for %s", (topic, fault) => {
    expect(topicFault(topic)).toBe(fault);
  });

  it.each([
    ["a/+/#", undefined],
    ["#", undefined],
    ["a+/b", "wildcard"],
    ["a/#/b", "wildcard"],
    ["a/b#", "wildcard"],
    ["$SYS/#", "system"],
    ["", "length"],
  ])("a filter %j is at fault for %s", (filter, fault) => {
    expect(filterFault(filter)).toBe(fault);
  });

  it.each([
    ["a/#", "a", true],
    ["a/#", "a/b/c", true],
    ["a/+", "a/b", true],
    ["a/+", "a", false],
    ["a/+", "a/b/c", false],
    ["+/user/#", "default/user", true],
    ["#", "$hw/x", false],
    ["+/x", "$hw/x", false],
    ["a//b", "a//b", true],
    ["a/+/b", "a//b", true],
  ])("%s takes %s: %s", (filter, topic, does) => {
    expect(matches(filter, topic)).toBe(does);
  });

  it.each([
    ["$hw/events/device/default/a/#", "$hw/events/device/default/a/twin/+", true],
    ["$hw/events/device/default/a/#", "$hw/events/device/default/a/#", true],
    ["$hw/events/device/default/a/#", "$hw/events/device/default/+/twin/get", false],
    ["$hw/events/device/default/a/#", "$hw/events/device/default/ab/#", false],
    ["$hw/events/device/default/a/#", "$hw/#", false],
    ["$hw/events/device/default/a/#", "#", false],
    ["a/+", "a/#", false],
    ["a/+", "a/+", true],
  ])("S35 a grant of %s covers %s: %s", (granted, asked, does) => {
    expect(covers(granted, asked)).toBe(does);
  });

  const level = fc.constantFrom("a", "b", "$x", "");
  const topic = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join("/"));
  const filter = fc
    .tuple(fc.array(fc.oneof(level, fc.constant("+")), { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([levels, isOpen]) => [...levels, ...(isOpen ? ["#"] : [])].join("/"));

  it("S35 a filter that is covered never brings a topic that the grant does not", () => {
    fc.assert(
      fc.property(filter, filter, topic, (granted, asked, name) => {
        if (covers(granted, asked) && matches(asked, name)) expect(matches(granted, name)).toBe(true);
      }),
      { numRuns: 5_000 },
    );
  });

  it("no text makes the router fail, and every device that it names has a namespace and a name", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        topicFault(text);
        filterFault(text);
        const route = routeOf(`$hw/events/device/${text}/twin/update`);
        if (route.kind === "twin/update") expect(route.device).toMatch(/^[a-z0-9.-]+\/[a-z0-9.-]+$/);
      }),
    );
  });
});
