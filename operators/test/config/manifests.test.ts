// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { readConfig } from "../../src/config/index.ts";
import { settings } from "../../src/config/schema.ts";

interface Variable {
  readonly name: string;
  readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } };
}
interface Workload {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: { readonly env: Variable[] }[] } };
  };
}

const manifest = (name: string): unknown =>
  parse(readFileSync(new URL(`../../../config/manager/${name}`, import.meta.url), "utf8"));
const variablesOf = (name: string): Variable[] =>
  (manifest(name) as Workload).spec.template.spec.containers.flatMap(({ env }) => env);
const podField = (name: string, variable: string): string | undefined =>
  variablesOf(name).find((one) => one.name === variable)?.valueFrom?.fieldRef?.fieldPath;

describe("what is deployed to a cluster", () => {
  it("is configured by a file without faults", () => {
    const { data } = manifest("config.yaml") as { data: { "operators.yaml": string } };
    const readFile = (): string => data["operators.yaml"];
    const result = readConfig({ argv: ["--config=operators.yaml"], env: {}, readFile });
    expect(result).toMatchObject({ config: { controllers: { leaderElect: true, identity: "" } } });
  });

  it.each(["controllers.yaml", "hub.yaml"])("%s sets only variables that there are", (name) => {
    const ours = variablesOf(name).filter((one) => one.name.startsWith("LONGSHORE_"));
    expect(ours.length).toBeGreaterThan(0);
    const known = settings.map(({ variable }) => variable);
    for (const { name: variable } of ours) expect(known).toContain(variable);
  });

  it("advertises the stream port of each hub's pod", () => {
    expect(podField("hub.yaml", "LONGSHORE_HUB_STREAM_ADVERTISE_ADDRESS")).toBe("status.podIP");
    expect(podField("hub.yaml", "LONGSHORE_HUB_STREAM_PEER_ADDRESS")).toBe("status.podIP");
  });

  it("R17 names processes after their pods, so that a restarted container goes on as the one before it", () => {
    expect(podField("controllers.yaml", "LONGSHORE_CONTROLLERS_IDENTITY")).toBe("metadata.name");
    expect(podField("hub.yaml", "LONGSHORE_HUB_ID")).toBe("metadata.name");
  });
});
