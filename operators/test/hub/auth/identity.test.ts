// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { identify, isNodeName, type CertificateFacts } from "../../../src/hub/auth/index.ts";

const good: CertificateFacts = {
  commonNames: ["system:node:edge-1"],
  organizations: ["system:nodes"],
  usages: ["1.3.6.1.5.5.7.3.2"],
  notBeforeMs: 1_000,
  notAfterMs: 2_000,
};
const legacy = { ...good, commonNames: ["kubeedge.io"], organizations: ["KubeEdge"] };

describe("identify", () => {
  it.each(["edge-1", undefined])("takes the node from the certificate, with header %s", (header) => {
    expect(identify(good, header, 1_500)).toEqual({ node: "edge-1" });
  });

  it.each([
    ["S20", "the header names another node", good, "edge-2", 4401, "header"],
    ["B47", "the header differs in case", good, "EDGE-1", 4401, "header"],
    [
      "B42",
      "the organization is system:masters",
      { ...good, organizations: ["system:masters"] },
      "edge-1",
      4403,
      "organization",
    ],
    [
      "B42",
      "there are two organizations",
      { ...good, organizations: ["system:nodes", "x"] },
      "edge-1",
      4403,
      "organization",
    ],
    ["B42", "there is no organization", { ...good, organizations: [] }, "edge-1", 4403, "organization"],
    [
      "B43",
      "there are two CNs",
      { ...good, commonNames: ["system:node:edge-1", "x"] },
      "edge-1",
      4403,
      "common_name",
    ],
    [
      "B43",
      "the CN has a NUL",
      { ...good, commonNames: ["system:node:edge-1\0.evil"] },
      "edge-1",
      4403,
      "common_name",
    ],
    ["B43", "the CN names no node", { ...good, commonNames: ["system:node:"] }, "", 4403, "common_name"],
    ["B43", "the CN is of another user", { ...good, commonNames: ["admin"] }, "admin", 4403, "common_name"],
    [
      "B38",
      "the certificate is for servers",
      { ...good, usages: ["1.3.6.1.5.5.7.3.1"] },
      "edge-1",
      4403,
      "usage",
    ],
    ["B38", "the certificate has no purpose", { ...good, usages: undefined }, "edge-1", 4403, "usage"],
    ["B38", "the certificate is not valid yet", { ...good, notBeforeMs: 1_501 }, "edge-1", 4401, "expired"],
    ["B38", "the certificate is expired", { ...good, notAfterMs: 1_499 }, "edge-1", 4401, "expired"],
  ])("%s refuses when %s", (_row, _when, facts, header, closeCode, reason) => {
    expect(identify(facts, header, 1_500)).toEqual({ node: undefined, closeCode, reason });
  });

  it("takes CloudCore's old subject only where it is allowed", () => {
    expect(identify(legacy, "edge-1", 1_500)).toMatchObject({ closeCode: 4403, reason: "organization" });
    expect(identify(legacy, "edge-1", 1_500, { allowLegacySubject: true })).toEqual({ node: "edge-1" });
    expect(identify(legacy, undefined, 1_500, { allowLegacySubject: true })).toMatchObject({
      node: undefined,
    });
    expect(identify(good, "edge-2", 1_500, { allowLegacySubject: true })).toMatchObject({ node: undefined });
  });
});

describe("node names", () => {
  it.each(["edge-1", "a", "ip-10-0-0-1.internal", "1-node", "n".repeat(63)])("%s is one", (name) => {
    expect(isNodeName(name)).toBe(true);
  });

  it.each([
    ["B90", "."],
    ["B90", ".."],
    ["B90", "a/b"],
    ["B90", "NODE1"],
    ["B90", "127.0.0.1"],
    ["B90", "n".repeat(64)],
    ["B90", ""],
    ["B90", undefined],
    ["B90", "-a"],
    ["B90", "a_b"],
    ["B90", "n\u043ede1"],
    ["B91", "Edge-1"],
    ["B91", "edge-1."],
  ])("%s %j is none", (_row, name) => {
    expect(isNodeName(name)).toBe(false);
  });
});
