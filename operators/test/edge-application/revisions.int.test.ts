// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { EdgeApplication, RenderedSpec } from "@longshore/crds/apps";
import { kinds } from "@longshore/crds/kinds";
import {
  CONTROLLER_REVISIONS,
  createRevisions,
  RevisionError,
} from "../../src/edge-application/rollout/revisions.ts";
import {
  createClient,
  loadKubeConfig,
  type KubeClient,
  type KubeObject,
  type Log,
} from "../../src/runtime/index.ts";
import { silentLog } from "../../src/runtime/index.ts";
import { startApiServer, type ApiServer } from "../apiserver.ts";
import { installCrds } from "../crds.ts";
import { grantRole } from "../object-sync/cluster.ts";
import { NAMESPACES } from "../runtime/kinds.ts";

const never = new AbortController().signal;
const CONTROLLERS = { token: "controllers", name: "controllers", groups: [] };
const APPLICATIONS = kinds.EdgeApplication;

const specOf = (image: string, more: object = {}): RenderedSpec => ({
  workloadScope: { targetNodeGroups: [{ name: "hangzhou" }] },
  workloadTemplate: {
    manifests: [
      {
        apiVersion: "apps/v1",
        kind: "DaemonSet",
        metadata: { name: "cdn" },
        spec: {
          template: { spec: { containers: [{ name: "c", image, args: ["1e21", "ü"] }], priority: 1.5 } },
        },
      },
    ],
  },
  ...more,
});

describe("revisions of an application", () => {
  let api: ApiServer;
  let client: KubeClient;
  /** With the rights that controllers are deployed with. */
  let ours: KubeClient;
  let made = 0;

  beforeAll(async () => {
    api = await startApiServer({ users: [CONTROLLERS] });
    const open = (kubeconfig: string): KubeClient =>
      createClient({ kubeConfig: loadKubeConfig(kubeconfig), userAgent: "test" });
    client = open(api.kubeconfig);
    await grantRole(client, CONTROLLERS.name);
    ours = open(await api.writeKubeconfig("controllers", CONTROLLERS));
    await installCrds(client);
    await client.create(NAMESPACES, { metadata: { name: "ns" } });
  }, 120_000);
  afterAll(async () => {
    await Promise.all([client.close(), ours.close()]);
    await api.stop();
  });

  const create = (name = `cdn-${++made}`, spec = specOf("a:1")): Promise<EdgeApplication> =>
    client.create<EdgeApplication>(APPLICATIONS, { metadata: { namespace: "ns", name }, spec });
  const revisions = (log: Log = silentLog) => createRevisions({ client: ours, log });
  const stored = async (app: EdgeApplication) => {
    const { items } = await client.list<KubeObject & { revision: number; data: unknown }>(
      CONTROLLER_REVISIONS,
      {
        namespace: "ns",
        labelSelector: `longshore.io/edge-application=${app.metadata.uid}`,
      },
    );
    return items;
  };
  const names = async (app: EdgeApplication): Promise<string[]> =>
    (await stored(app)).map(({ metadata }) => metadata.name).sort();

  it("A38 are ControllerRevisions that go with the application", async () => {
    const app = await create();
    const revision = await revisions().save(app, specOf("a:1"), never);
    expect(revision).toMatch(/^[0-9a-f]{10}$/);
    expect(await stored(app)).toMatchObject([
      {
        metadata: {
          name: `${app.metadata.name}-${revision}`,
          ownerReferences: [
            {
              ...{ apiVersion: "apps.kubeedge.io/v1alpha1", kind: "EdgeApplication", controller: true },
              ...{ name: app.metadata.name, uid: app.metadata.uid },
            },
          ],
        },
        revision: 1,
        data: specOf("a:1"),
      },
    ]);
  });

  it("A38 give back the spec that was saved, and nothing for a name that is none", async () => {
    const app = await create();
    const spec = specOf("a:2", { rollout: { versions: [{ name: "b", nodes: ["n1"] }] } });
    const revision = await revisions().save(app, spec, never);
    expect(await revisions().read(app, revision, never)).toEqual(spec);
    expect(await revisions().read(app, "0123456789", never)).toBeUndefined();
  });

  it("have the same name for the same spec, whatever the order of its keys and the pace of the rollout", () => {
    const nameOf = (spec: RenderedSpec): string => revisions().nameOf(spec);
    const reversed = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(reversed);
      if (typeof value !== "object" || value === null) return value;
      const entries = Object.entries(value).map(([key, inner]) => [key, reversed(inner)] as const);
      return Object.fromEntries(entries.reverse());
    };
    const name = nameOf(specOf("a:1"));
    expect(nameOf(reversed(specOf("a:1")) as RenderedSpec)).toBe(name);
    expect(nameOf(specOf("a:1", { rollout: { paused: true, maxUnavailable: 2 } }))).toBe(name);
    expect(nameOf(specOf("a:1", { rollout: undefined, breakGlass: { users: ["x"] } }))).toBe(name);
    expect(nameOf(specOf("a:2"))).not.toBe(name);
    expect(nameOf(specOf("a:1", { rollout: { versions: [] } }))).not.toBe(name);
  });

  it("are written once by many writers at once", async () => {
    const app = await create();
    const both = await Promise.all(
      Array.from({ length: 8 }, (_, n) => revisions().save(app, specOf(n % 2 === 0 ? "a:1" : "a:2"), never)),
    );
    expect(new Set(both).size).toBe(2);
    expect(await names(app)).toEqual([...new Set(both)].map((one) => `${app.metadata.name}-${one}`).sort());
  });

  it("keep the order in which they were wanted, also when an old one is wanted again", async () => {
    const app = await create(undefined, specOf("a:1"));
    for (const image of ["a:1", "a:2", "a:3"]) await revisions().save(app, specOf(image), never);
    const first = await revisions().save(app, specOf("a:1"), never);
    expect(await revisions().read(app, first, never)).toEqual(specOf("a:1"));
    const numbers = Object.fromEntries(
      (await stored(app)).map(({ metadata, revision }) => [metadata.name, revision]),
    );
    expect(numbers[`${app.metadata.name}-${first}`]).toBe(4);
    // Not wanted, only kept: saving it again writes nothing.
    const versions = (await stored(app)).map(({ metadata }) => metadata.resourceVersion);
    for (const image of ["a:2", "a:3", "a:1"]) await revisions().save(app, specOf(image), never);
    expect((await stored(app)).map(({ metadata }) => metadata.resourceVersion)).toEqual(versions);
  });

  it("are trimmed from the oldest on, but never one that is in use", async () => {
    const app = await create();
    const all: string[] = [];
    for (const n of [1, 2, 3, 4, 5, 6]) all.push(await revisions().save(app, specOf(`a:${n}`), never));
    const [oldest = "", newest = ""] = [all[0], all[5]];
    await revisions().trim(app, [oldest, newest], 2, never);
    const left = [all[0], all[3], all[4], all[5]];
    expect(await names(app)).toEqual(left.map((one) => `${app.metadata.name}-${one}`).sort());
    await revisions().trim(app, [oldest, newest], 0, never);
    expect(await names(app)).toEqual([oldest, newest].map((one) => `${app.metadata.name}-${one}`).sort());
  });

  it("do not hold what is too big for them, and say what to do", async () => {
    const app = await create();
    const big = specOf("x".repeat(901 * 1024));
    const error: unknown = await revisions()
      .save(app, big, never)
      .catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(RevisionError);
    expect(error).toMatchObject({ code: "REVISION_TOO_LARGE", message: expect.stringContaining("900 KiB") });
    const fits = specOf("x".repeat(890 * 1024));
    const revision = await revisions().save(app, fits, never);
    expect(await revisions().read(app, revision, never)).toEqual(fits);
  });

  it("take over the names of an application that was here before", async () => {
    const old = await create("again");
    const revision = await revisions().save(old, specOf("a:1"), never);
    await client.delete(APPLICATIONS, old.metadata); // there is no garbage collector here
    const app = await create("again");
    expect(await revisions().read(app, revision, never)).toBeUndefined();
    await revisions().save(app, specOf("a:1"), never);
    expect(await revisions().read(app, revision, never)).toEqual(specOf("a:1"));
    expect(await stored(old)).toEqual([]);
  });

  const forge = (app: EdgeApplication, revision: string, owned: boolean, data: object): Promise<KubeObject> =>
    client.create(CONTROLLER_REVISIONS, {
      metadata: {
        ...{ namespace: "ns", name: `${app.metadata.name}-${revision}` },
        ...(owned && {
          ownerReferences: [
            {
              ...{ apiVersion: "apps.kubeedge.io/v1alpha1", kind: "EdgeApplication", controller: true },
              ...{ name: app.metadata.name, uid: app.metadata.uid },
            },
          ],
        }),
      },
      revision: 1,
      data,
    });

  it.each([
    { when: "hold another spec", data: specOf("evil:1") },
    { when: "hold no spec", data: { workloads: [] } },
  ])("are not used when they $when than their name says, and that is logged", async ({ data }) => {
    const app = await create();
    const revision = revisions().nameOf(specOf("a:1"));
    await forge(app, revision, true, data);
    const logged: string[] = [];
    const log: Log = { ...silentLog, warn: (_, message) => void logged.push(message) };
    expect(await revisions(log).read(app, revision, never)).toBeUndefined();
    expect(logged).toHaveLength(1);
  });

  it("are put back into the list when somebody took their label", async () => {
    const app = await create();
    await forge(app, revisions().nameOf(specOf("a:1")), true, specOf("a:1"));
    expect(await names(app)).toEqual([]);
    await revisions().save(app, specOf("a:1"), never);
    expect(await names(app)).toHaveLength(1);
  });

  it("leave alone what has their name and belongs to somebody else", async () => {
    const app = await create();
    const revision = revisions().nameOf(specOf("a:1"));
    const other = await forge(app, revision, false, specOf("a:1"));
    await expect(revisions().save(app, specOf("a:1"), never)).rejects.toMatchObject({
      code: "REVISION_TAKEN",
      message: expect.stringMatching(/belongs to nobody: delete it/),
    });
    expect(await revisions().read(app, revision, never)).toBeUndefined();
    const { metadata } = await client.get(CONTROLLER_REVISIONS, other.metadata);
    expect(metadata.resourceVersion).toBe(other.metadata.resourceVersion);
  });

  it("fit the longest name of an application, and those of two that begin alike stay apart", async () => {
    const long = Array.from({ length: 5 }, () => "x".repeat(49)).join("."); // 249
    const apps = [await create(`${long}.a`), await create(`${long}.b`)];
    for (const app of apps) {
      const revision = await revisions().save(app, specOf("a:1"), never);
      expect(await revisions().read(app, revision, never)).toEqual(specOf("a:1"));
      await revisions().trim(app, [revision], 0, never);
      const [name = ""] = await names(app);
      expect(name.length).toBeLessThanOrEqual(253);
    }
    expect(await names(apps[0]!)).not.toEqual(await names(apps[1]!));
  });
});
