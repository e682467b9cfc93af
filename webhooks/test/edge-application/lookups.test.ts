// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import type { Target } from "@longshore/crds/apps";
import type { Client, ListOptions, Resource } from "@longshore/operators/runtime";
import { createApplicationLookups } from "../../src/edge-application/lookups.ts";
import { createGroupLookups } from "../../src/node-group/nodes.ts";

interface Page {
  readonly items: readonly object[];
  readonly continue?: string;
}

function listing(page: () => Page | Promise<Page>) {
  const asked: (ListOptions & { readonly plural: string })[] = [];
  const client = {
    async list(resource: Resource, options: ListOptions = {}) {
      asked.push({ plural: resource.plural, ...options });
      return { resourceVersion: "1", ...(await page()) };
    },
  } as unknown as Pick<Client, "list">;
  const failures: unknown[] = [];
  const failed = (...args: unknown[]): unknown => failures.push(args[0]);
  return { asked, failures, failed, client };
}

const named = (name: string, labels?: object): object => ({ metadata: { name, ...(labels && { labels }) } });
const target = (name: string, more: Partial<Target> = { group: name }): Target => ({
  name,
  overriders: {},
  ...more,
});

describe("what a dry run looks up", () => {
  it("is metadata alone, bounded, of nodes by label or group", async () => {
    const { asked, client, failed } = listing(() => ({ items: [named("a"), named("b")], continue: "more" }));
    const labelSelector = {
      matchLabels: { gpu: "true" },
      matchExpressions: [
        { key: "zone", operator: "NotIn", values: ["a", "b"] },
        { key: "x", operator: "Exists" },
        { key: "y", operator: "DoesNotExist" },
      ],
    };
    const lookups = createApplicationLookups(client, failed, { maxNodes: 2, maxTargets: 2 });
    const found = await lookups.nodes([target("site"), target("ls-1", { labelSelector }), target("third")]);
    expect([...found]).toEqual([
      ["site", { nodes: 2, isAll: false }],
      ["ls-1", { nodes: 2, isAll: false }],
    ]);
    expect(asked).toMatchObject([
      { plural: "nodes", metadataOnly: true, limit: 2, labelSelector: "apps.kubeedge.io/belonging-to=site" },
      { plural: "nodes", metadataOnly: true, limit: 2, labelSelector: "gpu=true,zone notin (a,b),x,!y" },
    ]);
  });

  it("is unknown when it fails, and counted", async () => {
    const { client, failures, failed } = listing(() => Promise.reject(new Error("away")));
    const lookups = createApplicationLookups(client, failed);
    expect(await lookups.groups()).toBe("unknown");
    expect([...(await lookups.nodes([target("a")]))]).toEqual([["a", undefined]]);
    expect(failures).toEqual(["nodegroups", "nodes"]);
  });

  it("is unknown beyond the groups that are looked through", async () => {
    const { client, failed } = listing(() => ({ items: [named("a")], continue: "more" }));
    expect(await createApplicationLookups(client, failed).groups()).toBe("unknown");
  });

  it("is left out while too many others look something up", async () => {
    let answer: (page: Page) => void = () => undefined;
    const { client, asked, failed } = listing(() => new Promise((resolve) => (answer = resolve)));
    const lookups = createApplicationLookups(client, failed, { maxRuns: 1 });
    const first = lookups.groups();
    expect(await lookups.groups()).toBe("unknown");
    answer({ items: [named("a", { tier: "edge" })] });
    expect(await first).toEqual([{ name: "a", labels: { tier: "edge" } }]);
    expect(asked).toHaveLength(1);
  });
});

describe("what a NodeGroup is compared with", () => {
  it("is nodes of other groups alone, by the API server's own selection", async () => {
    const labels = { "apps.kubeedge.io/belonging-to": "other" };
    const { client, asked, failed } = listing(() => ({ items: [named("a", labels)] }));
    const lookups = createGroupLookups(client, failed);
    expect(await lookups.claimed("site", { location: "x" })).toEqual([{ name: "a", group: "other" }]);
    expect(await lookups.named(["a"])).toEqual([{ name: "a", group: "other" }]);
    const key = "apps.kubeedge.io/belonging-to";
    expect(asked).toMatchObject([
      { metadataOnly: true, limit: 20, labelSelector: `location=x,${key},${key}!=site` },
      { metadataOnly: true, fieldSelector: "metadata.name=a" },
    ]);
  });

  it("is unknown when it fails, and counted", async () => {
    const { client, failures, failed } = listing(() => Promise.reject(new Error("away")));
    expect(await createGroupLookups(client, failed).claimed("a", {})).toBe("unknown");
    expect(failures).toHaveLength(1);
  });
});
