// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { checkHistory } from "../../e2e/history/checker.ts";
import type { Faulted, HistoryEvent, Set as DeviceSet, Stored, Wanted } from "../../e2e/history/events.ts";

const OPTIONS = { convergeMs: 15_000, mapperFault: "mapper", agentFault: "agent" };
const KEY = "configmap/ns/page";

const wanted = (op: Wanted["op"], uid: string, rv = ""): Wanted => ({
  type: "wanted",
  atMs: 0,
  op,
  key: KEY,
  uid,
  rv,
});
const stored = (op: Stored["op"], uid: string, rv: string, epoch = 0): Stored => ({
  ...{ type: "stored", atMs: 0, op, key: KEY, uid, rv, epoch },
});
const fault = (phase: Faulted["phase"], atMs: number, name = "hub"): Faulted => ({
  type: "fault",
  atMs,
  name,
  phase,
});
const created = (id: string, container = "main", atMs = 0): HistoryEvent => ({
  ...{ type: "created", atMs, id, uid: "p", container },
});
const again = (container: string): HistoryEvent => created("2", container, 5_000);
const desired = (value: string): HistoryEvent => ({ type: "desired", atMs: 0, device: "d", value });
const set = (value: string, write: number): DeviceSet => ({ type: "set", device: "d", value, write });
const AGENT_DIES = [
  fault("down", 1, "agent"),
  fault("ready", 3_000, "agent"),
  fault("converged", 6_000, "agent"),
];
const check = (...history: HistoryEvent[]): string[] =>
  checkHistory(history, OPTIONS).map(({ invariant, message }) => `${invariant} ${message}`);

describe("a history that holds", () => {
  it.each<[string, HistoryEvent[]]>([
    ["is empty", []],
    ["converges in time", [fault("down", 0), fault("ready", 3_000), fault("converged", 18_000)]],
    ["skips versions", [wanted("put", "a", "9"), wanted("put", "a", "10"), stored("put", "a", "10")]],
    ["is ahead of the last answer", [wanted("put", "a", "9"), stored("put", "a", "12")]],
    [
      "deletes",
      [wanted("put", "a", "1"), wanted("delete", "a"), stored("put", "a", "1"), stored("delete", "a", "1")],
    ],
    ["never had what was deleted soon", [wanted("put", "a", "1"), wanted("delete", "a")]],
    [
      "replaces a uid without its delete",
      [
        ...[wanted("put", "a", "1"), wanted("delete", "a"), wanted("put", "b", "3")],
        ...[stored("put", "a", "1"), stored("put", "b", "3")],
      ],
    ],
    ["starts at a lower version in a new epoch", [stored("put", "a", "9", 0), stored("put", "a", "4", 1)]],
    ["creates one sandbox and one container", [created("1", ""), created("2")]],
    ["sees one container again and again", [created("1"), created("1")]],
    [
      "makes a container again whose start ended with the agent",
      [...AGENT_DIES, created("1"), again("main")],
    ],
    [
      "begins two pods",
      [
        { type: "began", uid: "p" },
        { type: "began", uid: "q" },
      ],
    ],
    ["skips desired values", [desired("1"), desired("2"), desired("3"), set("1", 1), set("3", 2)]],
    [
      "comes back to a value",
      [desired("1"), desired("2"), desired("1"), set("1", 1), set("2", 2), set("1", 3)],
    ],
    [
      "sets a new device once more after the mapper's death",
      [
        ...[desired("1"), set("1", 1), fault("down", 0, "mapper"), fault("ready", 1, "mapper")],
        ...[set("1", 1), fault("converged", 2, "mapper")],
      ],
    ],
  ])("%s", (_, history) => {
    expect(check(...history)).toEqual([]);
  });
});

describe("a violation is found", () => {
  it.each<[string, HistoryEvent[], string]>([
    [
      "I1 late",
      [fault("down", 0), fault("ready", 0), fault("converged", 15_100)],
      "I1 hub: it took 15.1 s to converge",
    ],
    ["I1 never", [fault("down", 0), fault("ready", 0)], "I1 hub: it never converged"],
    [
      "I1 not before the next fault",
      [fault("down", 0), fault("ready", 1), fault("down", 2), fault("ready", 3), fault("converged", 4)],
      "I1 hub: it never converged",
    ],
    [
      "I2 an old version",
      [wanted("put", "a", "9"), wanted("put", "a", "10"), stored("put", "a", "9")],
      `I2 ${KEY}: the edge is at 9, behind 10`,
    ],
    ["I2 nothing", [wanted("put", "a", "9")], `I2 ${KEY}: uid a never arrived, the edge has nothing`],
    [
      "I2 the old uid",
      [wanted("put", "a", "1"), wanted("delete", "a"), wanted("put", "b", "3"), stored("put", "a", "1")],
      `I2 ${KEY}: uid b never arrived, the edge has a`,
    ],
    [
      "I2 a delete that is lost",
      [wanted("put", "a", "1"), stored("put", "a", "1"), wanted("delete", "a")],
      `I2 ${KEY}: uid a is deleted and still at the edge`,
    ],
    [
      "I2 a delete of another uid than it says",
      [wanted("put", "b", "3"), stored("put", "b", "3"), stored("delete", "b", "3")],
      `I2 ${KEY}: uid b never arrived, the edge has nothing`,
    ],
    ["I3 back", [stored("put", "a", "10"), stored("put", "a", "9")], `I3 ${KEY}#a: 10, then 9`],
    ["I3 twice", [stored("put", "a", "10"), stored("put", "a", "10")], `I3 ${KEY}#a: 10, then 10`],
    [
      "I3 a lower epoch",
      [stored("put", "a", "1", 2), stored("put", "a", "9", 1)],
      `I3 ${KEY}#a: cluster epoch 2, then 1`,
    ],
    [
      "I3 back from the dead",
      [stored("put", "a", "1"), stored("delete", "a", "1"), stored("put", "a", "1")],
      `I3 ${KEY}#a: came back with 1 after its delete`,
    ],
    [
      "I4 a second container after the agent died",
      [...AGENT_DIES, created("1", "main", 4_000), again("main")],
      "I4 p/main was created 2 times",
    ],
    [
      "I4 a second sandbox after the agent died",
      [...AGENT_DIES, created("1", ""), again("")],
      "I4 p/(sandbox) was created 2 times",
    ],
    ["I4 a second container", [created("1"), created("2")], "I4 p/main was created 2 times"],
    ["I4 a second sandbox", [created("1", ""), created("2", "")], "I4 p/(sandbox) was created 2 times"],
    [
      "I4 a restart",
      [
        { type: "began", uid: "p" },
        { type: "began", uid: "p" },
      ],
      "I4 the container of pod p began 2 times",
    ],
    ["I4 a second write", [desired("1"), set("1", 1), set("1", 2)], "I4 d: 1 was written twice"],
    ["I4 an older value", [desired("1"), desired("2"), set("2", 1), set("1", 2)], "I4 d: went back to 1"],
    [
      "I4 an older value after the mapper's death",
      [desired("1"), desired("2"), set("2", 1), set("1", 1), fault("down", 0, "mapper")],
      "I4 d: went back to 1",
    ],
    ["I4 a value from nowhere", [desired("1"), set("7", 1)], "I4 d: nobody wanted 7"],
    [
      "I4 a device opened again by the same mapper",
      [desired("1"), desired("2"), set("1", 1), set("2", 1)],
      "I4 d: opened 2 times by a mapper that lived 1 times",
    ],
  ])("%s", (_, history, message) => {
    expect(check(...history)).toContain(message);
  });
});
