// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  concurrencyOf,
  configFaults,
  configHazards,
  isConfigKey,
  isImage,
  isImageRepository,
  isSameJob,
  isVersion,
  prePullFaults,
  prePullHazards,
  timeoutSecondsOf,
  upgradeFaults,
  upgradeHazards,
} from "../../src/operations/v1alpha2/index.ts";

const fields = (violations: readonly { field: string }[]): string[] => violations.map(({ field }) => field);
const on = { nodeNames: ["n"] };
const upgrade = { version: "v1.23.0", ...on };
const DIGEST = `sha256:${"a".repeat(64)}`;

describe("references", () => {
  it.each(["v1.23.0", "v1.23.0-beta.1", "v0.0.1-a-b_c"])("B18 take %s for a version", (text) => {
    expect(isVersion(text)).toBe(true);
  });
  it.each([
    "v1.0.0\n;id",
    "latest",
    "",
    "1.23",
    "v1.0.0;touch /tmp/p",
    "v1.23.0; reboot",
    "v1.0.0-",
    "v1.0.0\n",
  ])("B18 S9 take %j for none", (text) => {
    expect(isVersion(text)).toBe(false);
  });
  it.each(["kubeedge/installation-package", "reg.io:5000/a/b", "a/b:v1", `a/b@${DIGEST}`])(
    "A28 take %s for an image repository",
    (text) => {
      expect(isImageRepository(text)).toBe(true);
    },
  );
  it.each(["a/b$(id)", "nothing", "a/", "/a", "a//b", "a/b c", `a/b@sha256:${"a".repeat(63)}`, "a/`id`"])(
    "S9 take %j for no image repository",
    (text) => {
      expect(isImageRepository(text)).toBe(false);
    },
  );
  it.each(["busybox", "busybox:1.36", "bad/none:1", "localhost:5000/a", `reg.io/a/b__c:v1@${DIGEST}`])(
    "take %s for an image",
    (text) => {
      expect(isImage(text)).toBe(true);
    },
  );
  it.each(["", " a", "a b", "a:b:c", "$(id)", "a;b", "-a", `a@${DIGEST}x`])("take %j for none", (text) => {
    expect(isImage(text)).toBe(false);
  });
  it("are read in linear time", () => {
    const startMs = performance.now();
    for (const text of ["a".repeat(1_000_000), "a/".repeat(500_000), `v1.1.1${"-a".repeat(60)}!`])
      [isImage, isImageRepository, isVersion].map((read) => read(text));
    expect(performance.now() - startMs).toBeLessThan(5_000);
  });
});

describe("a NodeUpgradeJob", () => {
  it.each([
    { id: "A28", when: "it is whole", spec: upgrade, at: [] },
    { id: "A28", when: "it selects by label", spec: { version: "v1.23.0", labelSelector: {} }, at: [] },
    { id: "B18", when: "its version is none", spec: { ...upgrade, version: "latest" }, at: ["spec.version"] },
    { id: "B18", when: "it has no version", spec: on, at: ["spec.version"] },
    {
      id: "S9",
      when: "its image carries a command",
      spec: { ...upgrade, image: "a/b$(id)" },
      at: ["spec.image"],
    },
    { id: "B21", when: "it has both selectors", spec: { ...upgrade, labelSelector: {} }, at: ["spec"] },
    { id: "A28", when: "it has neither", spec: { version: "v1.23.0", nodeNames: [] }, at: ["spec"] },
    {
      id: "B21",
      when: "it names 10,001 nodes",
      spec: { ...upgrade, nodeNames: Array.from({ length: 10_001 }, (_, index) => `n${index}`) },
      at: ["spec.nodeNames"],
    },
    {
      id: "B20",
      when: "numbers are negative",
      spec: { ...upgrade, concurrency: -1, timeoutSeconds: -1 },
      at: ["spec.concurrency", "spec.timeoutSeconds"],
    },
    {
      id: "B20",
      when: "more nodes are to be at work than a job can have",
      spec: { ...upgrade, concurrency: 1e9 },
      at: ["spec.concurrency"],
    },
  ])("$id is refused just when $when", ({ spec, at }) => {
    expect(fields(upgradeFaults(spec))).toEqual(at);
  });

  it.each([
    { id: "B19", when: "nothing pins the image", spec: upgrade, at: ["spec.imageDigestGatter"] },
    { id: "B19", when: "the image has a digest", spec: { ...upgrade, image: `a/b@${DIGEST}` }, at: [] },
    {
      id: "B19",
      when: "a digest is given",
      spec: { ...upgrade, imageDigestGatter: { amd64: DIGEST } },
      at: [],
    },
    {
      id: "A29",
      when: "a digest is none",
      spec: { ...upgrade, imageDigestGatter: { value: "sha256:0" } },
      at: ["spec.imageDigestGatter.value"],
    },
    {
      id: "B11",
      when: "a token is in the open",
      spec: { ...upgrade, imageDigestGatter: { arm64: DIGEST, registryAPI: { host: "h", token: "t" } } },
      at: ["spec.imageDigestGatter.registryAPI.token"],
    },
    {
      id: "B20",
      when: "numbers mean something else",
      spec: { ...upgrade, image: `a/b@${DIGEST}`, concurrency: 0, timeoutSeconds: 0 },
      at: ["spec.concurrency", "spec.timeoutSeconds"],
    },
    {
      id: "B20",
      when: "numbers are huge",
      spec: { ...upgrade, image: `a/b@${DIGEST}`, concurrency: 10_000, timeoutSeconds: 1e9 },
      at: ["spec.concurrency", "spec.timeoutSeconds"],
    },
    {
      id: "B2",
      when: "no node can be named so, and nobody checks so",
      spec: { version: "v1.0.0", image: `a/b@${DIGEST}`, nodeNames: ["../x"], checkItems: ["cpu", "gpu"] },
      at: ["spec.nodeNames[0]", "spec.checkItems[1]"],
    },
    {
      id: "A27",
      when: "the share is none",
      spec: { ...upgrade, image: `a/b@${DIGEST}`, failureTolerate: "30%" },
      at: ["spec.failureTolerate"],
    },
  ])("$id is warned of when $when", ({ spec, at }) => {
    expect(fields(upgradeHazards(spec))).toEqual(at);
  });

  it("B20 takes 0 for the default", () => {
    expect([concurrencyOf({ concurrency: 0 }), concurrencyOf({}), concurrencyOf({ concurrency: 7 })]).toEqual(
      [1, 1, 7],
    );
    expect([timeoutSecondsOf({ timeoutSeconds: 0 }), timeoutSecondsOf({ timeoutSeconds: 9 })]).toEqual([
      300, 9,
    ]);
  });

  it.each([
    { what: "nothing", change: {}, same: true },
    {
      what: "what is a default",
      change: { concurrency: 1, timeoutSeconds: 300, failureTolerate: "0.1" },
      same: true,
    },
    { what: "an empty list", change: { checkItems: [], requireConfirmation: false, image: "" }, same: true },
    { what: "the version", change: { version: "v1.24.0" }, same: false },
    { what: "the nodes", change: { nodeNames: ["n", "m"] }, same: false },
    { what: "a selector that takes all", change: { labelSelector: {} }, same: false },
    { what: "the concurrency", change: { concurrency: 2 }, same: false },
    { what: "the confirmation", change: { requireConfirmation: true }, same: false },
    { what: "a digest", change: { imageDigestGatter: { amd64: DIGEST } }, same: false },
  ])("A28 is the same job after a change of $what: $same", ({ change, same }) => {
    expect(isSameJob(upgrade, { ...upgrade, ...change })).toBe(same);
    expect(isSameJob({ ...upgrade, ...change }, upgrade)).toBe(same);
  });
});

describe("an ImagePrePullJob", () => {
  const template = { images: ["busybox:1.36"], ...on };
  it.each([
    { id: "A33", when: "it is whole", template, at: [] },
    { id: "A33", when: "there is no template", template: undefined, at: [""] },
    {
      id: "A33",
      when: "an image is none",
      template: { ...template, images: ["busybox", "$(id)"] },
      at: [".images[1]"],
    },
    { id: "B21", when: "it has both selectors", template: { ...template, labelSelector: {} }, at: [""] },
    {
      id: "B20",
      when: "retries are negative",
      template: { ...template, retryTimes: -1 },
      at: [".retryTimes"],
    },
  ])("$id is refused just when $when", (row) => {
    expect(fields(prePullFaults(row.template))).toEqual(row.at.map((at) => `spec.imagePrePullTemplate${at}`));
  });

  it.each([
    { what: "no images", template: on, at: ["images"] },
    {
      what: "a Secret that is none",
      template: { ...template, imageSecrets: "regcred" },
      at: ["imageSecrets"],
    },
    { what: "a Secret", template: { ...template, imageSecrets: "default/regcred" }, at: [] },
    { what: "many images", template: { ...template, images: Array<string>(501).fill("a") }, at: ["images"] },
    { what: "many retries", template: { ...template, retryTimes: 101 }, at: ["retryTimes"] },
  ])("is judged by $what", (row) => {
    expect(fields(prePullHazards(row.template))).toEqual(
      row.at.map((at) => `spec.imagePrePullTemplate.${at}`),
    );
  });
});

describe("a ConfigUpdateJob", () => {
  const job = (updateFields: Record<string, string>) => ({ ...on, updateFields });
  it.each([
    "modules.edgeStream.enable",
    "modules.a[0].b",
    "featureGates.x",
    "modules.labels.a\\.b/c",
    "longshore.a",
  ])("A34 sets %s", (key) => {
    expect(configFaults(job({ [key]: "true" }))).toEqual([]);
  });
  it.each([
    "kind",
    "modules",
    "a.b",
    "modules.a=1",
    "modules.a,modules.b",
    "modules..a",
    "modules.a;x",
    "modules.a ",
    "modules.__proto__ x",
  ])("S10 does not set %j", (key) => {
    expect(fields(configFaults(job({ [key]: "true" })))).toEqual([
      `spec.updateFields[${JSON.stringify(key)}]`,
    ]);
  });
  it.each([
    "x;reboot",
    "true; id",
    "1,modules.edgeHub.httpServer=https://evil",
    "$(id)",
    "`id`",
    "a|b",
    "a\nb",
    "a&b",
    "a>b",
  ])("S10 takes no value %j, and does not repeat it", (value) => {
    const [fault, ...more] = configFaults(job({ "modules.a": value }));
    expect(more).toEqual([]);
    expect(fault?.message).toContain("invalid value");
    expect(JSON.stringify(fault)).not.toContain(value);
  });
  it.each(["", "true", "https://host:10002/path?a=b", "{x}", "C:\\etc\\kubeedge", "two words", "ünïcode"])(
    "takes a value %j",
    (value) => {
      expect(configFaults(job({ "modules.a": value }))).toEqual([]);
    },
  );
  it("warns of a secret and of nothing to do", () => {
    expect(fields(configHazards(job({ "modules.eventBus.mqttPassword": "x" })))).toHaveLength(1);
    expect(fields(configHazards(job({})))).toEqual(["spec.updateFields"]);
  });
  it("S17 splits into the fields that were given, whatever they are, once admitted", () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^modules[.\w=,;[\]\\/-]{1,20}$/));
    fc.assert(
      fc.property(fc.dictionary(text, text, { maxKeys: 5 }), (updateFields) => {
        if (configFaults(job(updateFields)).length > 0) return;
        const joined = Object.entries(updateFields).map(([key, value]) => `${key}=${value}`);
        const read = joined.length === 0 ? [] : joined.join(",").split(",");
        expect(read.map((each) => each.slice(0, each.indexOf("=")))).toEqual(Object.keys(updateFields));
      }),
      { numRuns: 2_000 },
    );
    expect(isConfigKey("modules.a=b")).toBe(false);
  });
});
