// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { orderContent } from "../../../src/hub/send/order/content.ts";
import { jobOf, type Job } from "../../../src/hub/send/order/job.ts";
import { isUnanswered, needsArchitecture, oldOrderContent } from "../../../src/hub/send/order/old-content.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const OTHER = `sha256:${"b".repeat(64)}`;

describe("the content of an order in v1alpha2", () => {
  it("D20 is an upgrade's spec as CloudCore writes it: its order of fields, nothing empty, the gate even as null", () => {
    const spec = {
      concurrency: 2,
      failureTolerate: "0.3",
      image: "registry.example/kubeedge/installation-package",
      nodeNames: ["n1", "n2"],
      checkItems: ["cpu"],
      labelSelector: undefined,
      requireConfirmation: false,
      timeoutSeconds: 0,
      version: "v1.23.1",
    };
    expect(JSON.stringify(orderContent("NodeUpgradeJob", spec))).toBe(
      '{"version":"v1.23.1","timeoutSeconds":0,"nodeNames":["n1","n2"],' +
        '"image":"registry.example/kubeedge/installation-package","imageDigestGatter":null,"concurrency":2,' +
        '"checkItems":["cpu"],"failureTolerate":"0.3"}',
    );
  });

  it.each([
    { gate: { value: DIGEST }, told: { arm64: DIGEST, amd64: DIGEST } },
    { gate: { value: DIGEST, arm64: OTHER }, told: { arm64: OTHER, amd64: DIGEST } },
    { gate: { amd64: OTHER }, told: { amd64: OTHER } },
    {
      gate: { registryAPI: { host: "https://r", token: "t" } },
      told: { registryAPI: { host: "https://r", token: "t" } },
    },
  ])(
    "S38 keeps the gate of $gate closed for an EdgeCore, which knows digests by architecture",
    ({ gate, told }) => {
      const content = orderContent("NodeUpgradeJob", { version: "v1.23.1", imageDigestGatter: gate });
      expect(content).toEqual({ version: "v1.23.1", imageDigestGatter: told });
    },
  );

  it("D21 is a pre-pull's template", () => {
    const imagePrePullTemplate = {
      retryTimes: 3,
      concurrency: 1,
      failureTolerate: "0.1",
      imageSecrets: "default/s",
      images: ["busybox:1"],
      labelSelector: { matchExpressions: [{ key: "a", operator: "Exists" }], matchLabels: { b: "c" } },
      timeoutSeconds: 300,
    };
    expect(JSON.stringify(orderContent("ImagePrePullJob", { imagePrePullTemplate }))).toBe(
      '{"imagePrePullTemplate":{"images":["busybox:1"],"labelSelector":{"matchLabels":{"b":"c"},' +
        '"matchExpressions":[{"key":"a","operator":"Exists"}]},"failureTolerate":"0.1","concurrency":1,' +
        '"timeoutSeconds":300,"imageSecrets":"default/s","retryTimes":3}}',
    );
  });

  it("is a config update's fields", () => {
    const spec = { updateFields: { "modules.edgeStream.enable": "true" }, nodeNames: ["n"], concurrency: 1 };
    expect(JSON.stringify(orderContent("ConfigUpdateJob", spec))).toBe(
      '{"nodeNames":["n"],"concurrency":1,"updateFields":{"modules.edgeStream.enable":"true"}}',
    );
  });
});

const job = (spec: Job["spec"]): Job => ({
  metadata: { name: "j", uid: "8d1e6a5c-0000-4000-8000-000000000001", resourceVersion: "1" },
  spec,
  states: new Map(),
});

describe("the content of an order in v1alpha1", () => {
  const upgrade = job({
    version: "v1.19.0",
    imageDigestGatter: { value: DIGEST },
    checkItems: ["cpu", "mem"],
  });
  const item =
    '{"UpgradeID":"j","HistoryID":"8d1e6a5c-0000-4000-8000-000000000001","Version":"v1.19.0","UpgradeTool":"keadm",' +
    `"Image":"kubeedge/installation-package:v1.19.0","ImageDigest":"${DIGEST}","RequireConfirmation":false}`;

  it.each([
    ["Init", item],
    ["Checking", '{"CheckItem":["cpu","mem"]}'],
    ["BackingUp", item],
    ["Upgrading", item],
    ["RollingBack", item],
  ])("D20 tells an upgrade what to do in the state %s", (state, expected) => {
    const content = oldOrderContent({ type: "upgrade", job: upgrade, state, architecture: "" });
    expect(JSON.stringify(content)).toBe(
      `{"TaskID":"j","Type":"upgrade","State":"${state}","Item":${expected}}`,
    );
  });

  it.each([
    ["Init", '{"Images":["busybox:1"],"NodeName":"","Secret":"a/s","RetryTimes":2,"CheckItems":["disk"]}'],
    ["Checking", '{"CheckItem":["disk"]}'],
    ["Pulling", '{"Images":["busybox:1"],"NodeName":"","Secret":"a/s","RetryTimes":2,"CheckItems":["disk"]}'],
  ])("D21 tells a pre-pull what to do in the state %s", (state, expected) => {
    const template = { images: ["busybox:1"], imageSecrets: "a/s", retryTimes: 2, checkItems: ["disk"] };
    const order = {
      type: "prepull" as const,
      job: job({ imagePrePullTemplate: template }),
      state,
      architecture: "",
    };
    expect(JSON.stringify(oldOrderContent(order))).toBe(
      `{"TaskID":"j","Type":"prepull","State":"${state}","Item":${expected}}`,
    );
  });

  it.each([
    ["", "kubeedge/installation-package:v1"],
    ["kubeedge/installation-package", "docker.io/kubeedge/installation-package:v1"],
    ["package:v9", "docker.io/library/package:v1"],
    ["localhost/package", "localhost/package:v1"],
    ["registry.example:5000/a/b:tag", "registry.example:5000/a/b:v1"],
    [`registry.example/a/b@${DIGEST}`, "registry.example/a/b:v1"],
    ["index.docker.io/a/b", "docker.io/a/b:v1"],
  ])("names the image %p in full, with the version for its tag", (image, expected) => {
    const order = {
      type: "upgrade" as const,
      job: job({ version: "v1", image }),
      state: "Init",
      architecture: "",
    };
    expect(oldOrderContent(order)["Item"]).toMatchObject({ Image: expected });
  });

  it.each([
    { gate: { amd64: DIGEST, arm64: OTHER }, architecture: "arm64", digest: OTHER, needs: true },
    { gate: { amd64: DIGEST, arm64: OTHER }, architecture: "amd64", digest: DIGEST, needs: true },
    { gate: { value: DIGEST, arm64: OTHER }, architecture: "", digest: DIGEST, needs: false },
    { gate: undefined, architecture: "", digest: "", needs: false },
  ])("S38 gives a node of $architecture the digest $digest", ({ gate, architecture, digest, needs }) => {
    const gated = job({ version: "v1", imageDigestGatter: gate });
    const content = oldOrderContent({ type: "upgrade", job: gated, state: "Init", architecture });
    expect(content["Item"]).toMatchObject({ ImageDigest: digest });
    expect(needsArchitecture(gated)).toBe(needs);
  });

  it("S38 knows a gate that it has no answer for", () => {
    const registryAPI = { host: "https://r", token: "t" };
    expect(isUnanswered(job({ imageDigestGatter: { registryAPI } }))).toBe(true);
    expect(isUnanswered(job({ imageDigestGatter: { registryAPI, value: DIGEST } }))).toBe(false);
    expect(isUnanswered(job({}))).toBe(false);
  });
});

describe("what is kept of a job", () => {
  it("is neither its status nor what other tools wrote on it", () => {
    const kept = jobOf({
      metadata: {
        ...{ name: "j", uid: "u", resourceVersion: "9", generation: 2, labels: { a: "b" } },
        annotations: {
          "longshore.io/attempt": "2",
          "kubectl.kubernetes.io/last-applied-configuration": "{}",
        },
      },
      ...{ spec: { version: "v1" } },
      ...{
        status: {
          nodeStatus: [
            { nodeName: "n1", phase: "InProgress", state: "Checking" },
            { nodeName: "n2", phase: "Pending", state: "Init" },
            { nodeName: "n3", phase: "InProgress" },
          ],
        },
      },
    });
    expect(kept).toEqual({
      metadata: {
        ...{ name: "j", uid: "u", resourceVersion: "9", generation: 2 },
        annotations: { "longshore.io/attempt": "2" },
      },
      spec: { version: "v1" },
      states: new Map([["n1", "Checking"]]),
    });
  });
});
