// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { eventually } from "../runtime/eventually.ts";
import { DEPLOYMENTS, deployment, groupTargets, startBench, type Bench, type Room } from "./bench.ts";

let bench: Bench;
let room: Room;
beforeAll(async () => {
  bench = await startBench();
}, 120_000);
afterAll(() => bench.close());
beforeEach(async () => {
  room = await bench.room();
});
afterEach(() => room.close());

interface Container {
  readonly name: string;
  readonly env?: readonly { readonly name: string }[];
}

const withOrder = (inits: readonly string[], env: readonly string[]): Record<string, unknown> => {
  const container = (name: string) => ({ name, image: "nginx:1" });
  const template = {
    metadata: { labels: { app: "web" } },
    spec: {
      initContainers: inits.map(container),
      containers: [{ ...container("main"), env: env.map((name) => ({ name, value: "1" })) }],
    },
  };
  return deployment("web", "nginx:1", { template });
};

describe("the order of what is run one after the other", () => {
  it.each([
    { when: "it is turned round", inits: ["b", "a"], env: ["B", "A"] },
    { when: "something comes first", inits: ["c", "a", "b"], env: ["C", "A", "B"] },
    { when: "something comes between", inits: ["a", "c", "b"], env: ["A", "C", "B"] },
    { when: "something comes, something goes", inits: ["c", "b"], env: ["C", "B"] },
  ])("is the template's, also when $when", async ({ inits, env }) => {
    room.start();
    await room.createApp("shop", {
      workloadScope: groupTargets("a"),
      workloadTemplate: { manifests: [withOrder(["a", "b"], ["A", "B"])] },
    });
    await eventually(async () => expect(await room.names(DEPLOYMENTS)).toEqual(["web-a"]));
    const { metadata } = await room.get(DEPLOYMENTS, "web-a");
    await room.patchApp("shop", { workloadTemplate: { manifests: [withOrder(inits, env)] } });
    await eventually(async () =>
      expect((await room.get(DEPLOYMENTS, "web-a")).metadata.generation).toBeGreaterThan(
        metadata.generation ?? 0,
      ),
    );
    const { spec } = await room.get(DEPLOYMENTS, "web-a");
    const podSpec = (spec as unknown as { template: { spec: Record<string, readonly Container[]> } }).template
      .spec;
    expect([
      podSpec["initContainers"]?.map(({ name }) => name),
      podSpec["containers"]?.[0]?.env?.map(({ name }) => name),
    ]).toEqual([inits, env]);
  });
});
