// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "@jest/globals";
import { readContained, writeContained } from "../../../src/edge-application/prune/contained.ts";

const object = (ordinal: number, kind: string, name: string) => ({
  ...{ ordinal, group: "apps", version: "v1", kind, namespace: "ns", name },
});

it("the annotation is written in KubeEdge's format and order, and read again", () => {
  const text = writeContained([
    object(10, "Deployment", "b"),
    object(2, "Deployment", "b"),
    object(10, "Deployment", "a"),
  ]);
  // KubeEdge sorts by text: 10 comes before 2.
  expect(text).toBe(
    '[{"ordinal":10,"group":"apps","version":"v1","kind":"Deployment","namespace":"ns","name":"a"},' +
      '{"ordinal":10,"group":"apps","version":"v1","kind":"Deployment","namespace":"ns","name":"b"},' +
      '{"ordinal":2,"group":"apps","version":"v1","kind":"Deployment","namespace":"ns","name":"b"}]',
  );
  expect(readContained(text)).toHaveLength(3);
});

it("one object of each kind is named where all would be too long", () => {
  const many = Array.from({ length: 50 }, (_, i) =>
    object(0, i % 2 === 0 ? "Deployment" : "DaemonSet", `n${i}`),
  );
  const kinds = readContained(writeContained(many, 1000)).map(({ kind }) => kind);
  expect(kinds).toEqual(["DaemonSet", "Deployment"]);
});

it.each([undefined, "", "{", "7", '{"a":1}', '[1, null, {"ordinal":"0"}]'])("%j names nothing", (text) => {
  expect(readContained(text)).toEqual([]);
});
