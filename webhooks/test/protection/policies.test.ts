// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse, parseAllDocuments } from "yaml";

const FOLDER = fileURLToPath(new URL("../../../config/admission-policy", import.meta.url));
/** Nodes are not let through where their own labels and the status are guarded. */
const NOT_FOR_NODES = new Set(["members.yaml", "members_status.yaml", "state.yaml"]);
/** There is another way, which breaking glass opens. */
const WITHOUT_GLASS = new Set(["members_status.yaml"]);
/** Matches every Node, so it must not fail closed while a server has just started. */
const OPEN = new Set(["members.yaml"]);

interface Policy {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly failurePolicy: string;
    readonly policyName?: string;
    readonly validationActions?: readonly string[];
    readonly paramKind?: object;
    readonly paramRef?: { readonly parameterNotFoundAction: string };
    readonly matchConditions: readonly { readonly name: string; readonly expression: string }[];
    readonly validations: readonly {
      readonly expression: string;
      readonly reason: string;
      readonly messageExpression: string;
    }[];
  };
}

const files = readdirSync(FOLDER).filter((name) => name !== "kustomization.yaml");
const read = (file: string): readonly Policy[] =>
  parseAllDocuments(readFileSync(join(FOLDER, file), "utf8")).map((document) => document.toJS() as Policy);
const conditionOf = (policy: Policy | undefined, name: string): string =>
  policy?.spec.matchConditions
    .find((condition) => condition.name === name)
    ?.expression.replaceAll(/\s+/g, " ") ?? "";

describe("the policies of edit protection", () => {
  it("are all installed", () => {
    const { resources } = parse(readFileSync(join(FOLDER, "kustomization.yaml"), "utf8")) as {
      resources: string[];
    };
    expect(resources.toSorted()).toEqual(files.toSorted());
  });

  it.each(files)("%s fails closed, unless that would hold up every Node", (file) => {
    expect(read(file)[0]?.spec.failurePolicy).toBe(OPEN.has(file) ? "Ignore" : "Fail");
  });

  it.each(files)("%s refuses by its binding, and says who may all the same", (file) => {
    const [policy, binding] = read(file);
    const hasGlass = !WITHOUT_GLASS.has(file);
    expect(binding?.spec).toMatchObject({ policyName: policy?.metadata.name, validationActions: ["Deny"] });
    if (policy?.spec.paramKind) expect(binding?.spec.paramRef?.parameterNotFoundAction).toBe("Allow");
    expect(policy?.spec.validations).toEqual([
      {
        expression: "false",
        reason: "Forbidden",
        messageExpression: expect.stringMatching(hasGlass ? /edit .*breakGlass/s : /edit /),
      },
    ]);
    expect(conditionOf(policy, "not-by-break-glass").includes("breakGlass.?users")).toBe(hasGlass);
  });

  it.each(files)("%s lets the same accounts through as the others", (file) => {
    const [policy] = read(file);
    const all = conditionOf(read("group.yaml")[0], "by-hand");
    expect(all).toContain("'system:nodes'");
    const expected = NOT_FOR_NODES.has(file) ? all.replace(", 'system:nodes'", "") : all;
    expect(conditionOf(policy, "by-hand")).toBe(expected);
  });
});
