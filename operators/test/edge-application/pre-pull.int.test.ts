// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { EdgeApplication } from "@longshore/crds/apps";
import type { ImagePrePullJob, ImagePrePullJobStatus } from "@longshore/crds/operations";
import {
  createPrePull,
  PRE_PULL_JOBS,
  type PrePullDeps,
} from "../../src/edge-application/rollout/pre-pull.ts";
import type { PrePull } from "../../src/edge-application/rollout/port.ts";
import { createClient, loadKubeConfig, silentLog, type KubeClient } from "../../src/runtime/index.ts";
import { startApiServer, type ApiServer } from "../apiserver.ts";
import { installCrds } from "../crds.ts";
import { grantRole } from "../object-sync/cluster.ts";

const never = new AbortController().signal;
const CONTROLLERS = { token: "controllers", name: "controllers", groups: [] };
const MINUTE_MS = 60_000;

const appOf = (uid: string, name = "cdn", spec: object = {}): EdgeApplication => ({
  apiVersion: "apps.kubeedge.io/v1alpha1",
  kind: "EdgeApplication",
  metadata: { namespace: "ns", name, uid, resourceVersion: "1" },
  spec: { workloadScope: {}, ...spec },
});

describe("images that nodes pull before a batch", () => {
  let api: ApiServer;
  let client: KubeClient;
  /** With the rights that controllers are deployed with. */
  let ours: KubeClient;
  let laterMs = 0;
  let made = 0;
  let app: EdgeApplication;

  beforeAll(async () => {
    api = await startApiServer({ users: [CONTROLLERS] });
    const open = (kubeconfig: string): KubeClient =>
      createClient({ kubeConfig: loadKubeConfig(kubeconfig), userAgent: "test" });
    client = open(api.kubeconfig);
    await grantRole(client, CONTROLLERS.name);
    ours = open(await api.writeKubeconfig("controllers", CONTROLLERS));
  }, 120_000);
  afterAll(async () => {
    await Promise.all([client.close(), ours.close()]);
    await api.stop();
  });
  beforeEach(() => {
    laterMs = 0;
    app = appOf(`00000000-0000-0000-0000-${String(++made).padStart(12, "0")}`);
  });

  const clock: PrePullDeps["clock"] = {
    nowMs: () => 0,
    wallMs: () => Date.now() + laterMs,
    schedule: () => () => undefined,
  };
  const prePull = (more: Partial<PrePullDeps> = {}): PrePull =>
    createPrePull({ client: ours, clock, log: silentLog, ...more });
  const wish = (more: Partial<Parameters<PrePull["ensure"]>[0]> = {}) => ({
    ...{ app, revision: "0123456789", batch: 1, images: ["busybox:1.36"], nodes: ["edge-1", "edge-2"] },
    ...more,
  });
  const jobs = async (): Promise<readonly ImagePrePullJob[]> => {
    const labelSelector = `longshore.io/edge-application=${app.metadata.uid}`;
    return (await client.list<ImagePrePullJob>(PRE_PULL_JOBS, { labelSelector })).items;
  };
  /** What a controller of such jobs writes. */
  const report = async (status: ImagePrePullJobStatus, of = 0): Promise<void> => {
    const name = (await jobs())[of]?.metadata.name ?? "";
    const body = { status };
    await client.patch(PRE_PULL_JOBS, { name }, { type: "merge", body }, { subresource: "status" });
  };

  it("are nobody's business where the API server knows no such jobs", async () => {
    expect(await prePull().ensure(wish(), never)).toEqual({ state: "absent" });
    await prePull().clean({ namespace: "ns", name: "cdn", uid: app.metadata.uid }, undefined, never);
    expect(await prePull().owners(never)).toEqual([]);
  });

  describe("with the jobs defined", () => {
    beforeAll(() => installCrds(client), 60_000);

    it("A38 are asked for once by a job that names the Ready nodes, and are there when it has completed", async () => {
      const images = ["nginx:2", "busybox:1.36", "nginx:2"];
      const spec = { rollout: { prePull: { timeoutSeconds: 120 } } };
      const given = wish({ app: { ...app, spec: { ...app.spec, ...spec } }, images });
      expect(await prePull().ensure(given, never)).toEqual({ state: "pulling" });
      const [job] = await jobs();
      expect(job).toMatchObject({
        metadata: {
          labels: { "longshore.io/revision": "0123456789" },
          annotations: { "longshore.io/for": "EdgeApplication ns/cdn" },
        },
        spec: {
          imagePrePullTemplate: {
            ...{ images: ["busybox:1.36", "nginx:2"], nodeNames: ["edge-1", "edge-2"] },
            ...{ concurrency: 20, timeoutSeconds: 120, retryTimes: 1, failureTolerate: "1" },
          },
        },
      });
      await report({ phase: "InProgress" });
      // A node that goes away meanwhile makes no new job.
      expect(await prePull().ensure({ ...given, nodes: ["edge-1"] }, never)).toEqual({ state: "pulling" });
      await report({ phase: "Completed", nodeStatus: [{ nodeName: "edge-1", phase: "Successful" }] });
      expect(await prePull().ensure(given, never)).toEqual({ state: "pulled" });
      expect((await jobs()).map(({ metadata }) => metadata.resourceVersion)).toHaveLength(1);
    });

    it.each([
      {
        when: "a node could not pull one image, which the message names",
        status: {
          phase: "Completed",
          nodeStatus: [
            { nodeName: "edge-1", phase: "Successful" },
            {
              ...{ nodeName: "edge-2", phase: "Failure", reason: "1 of 2 images failed" },
              imageStatus: [
                { image: "busybox:1.36", status: "True" },
                { image: "bad/none:1", status: "False", reason: "no such image" },
              ],
            },
            { nodeName: "edge-3", phase: "Failure", reason: "disk is full" },
          ],
        },
        want: { state: "failed", message: "2 of 3 nodes failed: edge-2: bad/none:1: no such image" },
      },
      {
        when: "a check of the node failed",
        status: { phase: "Failure", nodeStatus: [{ nodeName: "e", phase: "Failure", reason: "disk" }] },
        want: { state: "failed", message: "1 of 1 nodes failed: e: disk" },
      },
      {
        when: "the job could not be carried out",
        status: { phase: "Failure", reason: "no nodes selected" },
        want: { state: "failed", message: "no nodes selected" },
      },
      {
        when: "no reason is told",
        status: { phase: "Failure" },
        want: { state: "failed", message: "no reason was told" },
      },
      {
        when: "a node went away meanwhile, which is not waited for",
        status: {
          phase: "Completed",
          nodeStatus: [
            { nodeName: "edge-1", phase: "Unknown", reason: "timed out" },
            { nodeName: "edge-2", phase: "Successful" },
          ],
        },
        want: { state: "pulled" },
      },
      {
        when: "no node answered",
        status: { phase: "Completed", nodeStatus: [{ nodeName: "edge-1", phase: "Unknown" }] },
        want: { state: "failed", message: "none of 1 nodes answered in time" },
      },
      { when: "the job waits for its nodes", status: { phase: "Init" }, want: { state: "pulling" } },
    ])("A38 are $want.state when $when", async ({ status, want }) => {
      await prePull().ensure(wish(), never);
      await report(status);
      laterMs = MINUTE_MS;
      expect(await prePull().ensure(wish(), never)).toEqual(want);
    });

    it("A38 are not waited for when nobody has begun the job after half a minute, until somebody does", async () => {
      await prePull().ensure(wish(), never);
      laterMs = 25_000;
      expect(await prePull().ensure(wish(), never)).toEqual({ state: "pulling" });
      laterMs = 31_000;
      expect(await prePull().ensure(wish(), never)).toEqual({ state: "absent" });
      expect(await prePull({ absentAfterMs: MINUTE_MS }).ensure(wish(), never)).toEqual({ state: "pulling" });
      await report({ phase: "InProgress" });
      expect(await prePull().ensure(wish(), never)).toEqual({ state: "pulling" });
    });

    it("need no job without nodes or images", async () => {
      expect(await prePull().ensure(wish({ nodes: [] }), never)).toEqual({ state: "pulled" });
      expect(await prePull().ensure(wish({ images: [] }), never)).toEqual({ state: "pulled" });
      expect(await jobs()).toEqual([]);
    });

    it("are asked for once by many at once", async () => {
      await Promise.all(Array.from({ length: 6 }, () => prePull().ensure(wish(), never)));
      expect(await jobs()).toHaveLength(1);
    });

    it("have a job of their own for each revision, batch and set of images", async () => {
      for (const more of [{}, { revision: "abcdef0123" }, { batch: 2 }, { images: ["busybox:2"] }])
        await prePull().ensure(wish(more), never);
      expect(await jobs()).toHaveLength(4);
    });

    it("are shared out over several jobs, which are done when all are, and no more nodes than the limit", async () => {
      const nodes = Array.from({ length: 9 }, (_, n) => `edge-${n}`);
      const warned: string[] = [];
      const log = { ...silentLog, warn: (_: object, message: string) => void warned.push(message) };
      const few = prePull({ nodesPerJob: 3, maxNodes: 7, log });
      const given = wish({ nodes: [...nodes, ...nodes].reverse() });
      await few.ensure(given, never);
      const named = (await jobs()).map(({ spec }) => spec.imagePrePullTemplate?.nodeNames ?? []);
      expect(named.map(({ length }) => length).sort()).toEqual([1, 3, 3]);
      expect(named.flat().sort()).toEqual(nodes.slice(0, 7));
      expect(warned).toHaveLength(1);
      laterMs = MINUTE_MS;
      const states: string[] = [];
      for (const part of [0, 1, 2]) {
        const phase = part === 1 ? "Failure" : "Completed";
        await report({ phase, reason: "cut off" }, part);
        states.push((await few.ensure(given, never)).state);
      }
      expect(states).toEqual(["pulling", "pulling", "failed"]);
    });

    it("leave no jobs of other revisions behind, and none when the application is gone", async () => {
      const other = appOf(`${app.metadata.uid}9`);
      for (const revision of ["0123456789", "abcdef0123"]) await prePull().ensure(wish({ revision }), never);
      await prePull().ensure(wish({ app: other }), never);
      const owner = { namespace: "ns", name: "cdn", uid: app.metadata.uid };
      expect(await prePull().owners(never)).toEqual(
        expect.arrayContaining([app.metadata.uid, other.metadata.uid]),
      );
      await prePull().clean(owner, "abcdef0123", never);
      expect(await jobs()).toMatchObject([
        { metadata: { labels: { "longshore.io/revision": "abcdef0123" } } },
      ]);
      await prePull().clean(owner, undefined, never);
      expect(await jobs()).toEqual([]);
      expect(await prePull().ensure(wish({ app: other }), never)).toEqual({ state: "pulling" });
      expect((await client.list(PRE_PULL_JOBS, {})).items).toContainEqual(
        expect.objectContaining({
          metadata: expect.objectContaining({
            labels: expect.objectContaining({ "longshore.io/edge-application": other.metadata.uid }),
          }),
        }),
      );
    });

    it("have jobs whose names are also labels, whatever the application is called", async () => {
      for (const name of ["x".repeat(253 - 2) + ".a", `${"y".repeat(39)}.z`, "a.b"])
        await prePull().ensure(
          wish({ app: { ...app, metadata: { ...app.metadata, name } }, batch: name.length }),
          never,
        );
      for (const { metadata } of await jobs())
        expect(metadata.name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
      expect(await jobs()).toHaveLength(3);
    });
  });
});
