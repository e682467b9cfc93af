// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { join } from "node:path";
import { untilEstablished } from "../../../hack/cluster/established.ts";
import { startApiServer, type ApiServer } from "../apiserver.ts";

const manifests = join(import.meta.dirname, "../../manifests");
const DIGEST = `sha256:${"a".repeat(64)}`;
const on = { nodeNames: ["n"] };
const many = { nodeNames: Array.from({ length: 10_001 }, (_, index) => `n${index}`) };
const both = { ...on, labelSelector: {} };
const FIXED = /spec fields are not allowed to update once it's created/u;

const upgrade = { version: "v1.23.0", ...on };
const template = { images: ["busybox:1.36"], ...on };
const fields = { ...on, updateFields: { "modules.edgeStream.enable": "true" } };

interface Kind {
  readonly kind: string;
  readonly plural: string;
  readonly versions: readonly string[];
  /** A whole spec with these changes. */
  spec(change: object): object;
}
const UPGRADE: Kind = {
  ...{ kind: "NodeUpgradeJob", plural: "nodeupgradejobs", versions: ["v1alpha1", "v1alpha2"] },
  spec: (change) => ({ ...upgrade, ...change }),
};
const PRE_PULL: Kind = {
  ...{ kind: "ImagePrePullJob", plural: "imageprepulljobs", versions: ["v1alpha1", "v1alpha2"] },
  spec: (change) => ({ imagePrePullTemplate: { ...template, ...change } }),
};
const CONFIG: Kind = {
  ...{ kind: "ConfigUpdateJob", plural: "configupdatejobs", versions: ["v1alpha2"] },
  spec: (change) => ({ ...fields, ...change }),
};
const KINDS = [UPGRADE, PRE_PULL, CONFIG];

const EVERY: readonly (readonly [string, object, RegExp])[] = [
  ["B20 a concurrency of -1", { concurrency: -1 }, /concurrency: .*must not be negative/u],
  ["B20 a concurrency of 1e9", { concurrency: 1e9 }, /concurrency: .*over 10000/u],
  ["B20 a timeout of -1", { timeoutSeconds: -1 }, /timeoutSeconds: .*must not be negative/u],
  ["B20 a concurrency that is no number", { concurrency: "1" }, /concurrency/u],
  ["B21 both selectors", both, /exactly one of nodeNames and labelSelector/u],
  ["B21 neither selector", { nodeNames: [] }, /exactly one of nodeNames and labelSelector/u],
  ["B21 10,001 names", many, /nodeNames: .*over 10000/u],
];
const value = (text: string): object => ({ updateFields: { "modules.a": text } });
const key = (text: string): object => ({ updateFields: { [text]: "x" } });
const OWN: readonly (readonly [string, Kind, object, RegExp])[] = [
  ...[
    "v1.0.0\n;id",
    "latest",
    "",
    "1.23",
    "v1.0.0;touch /tmp/p",
    "v1.23.0; reboot",
    "v1.0.0\n",
    "v1.0.0$(id)",
  ].map(
    (version) =>
      [
        `B18 S9 the version ${JSON.stringify(version)}`,
        UPGRADE,
        { version },
        /version: .*invalid version/u,
      ] as const,
  ),
  ...[
    "a/b$(id)",
    "a/`id`",
    "a/b;id",
    "a/b id",
    "a/b\n",
    "a/../b",
    "--image/x",
    `a/b@sha256:${"a".repeat(63)}`,
  ].map(
    (image) =>
      [`S9 the image ${JSON.stringify(image)}`, UPGRADE, { image }, /image: .*invalid image repo/u] as const,
  ),
  ...["$(id)", "a;b", "a b", "-a", `a@${DIGEST}x`, ""].map(
    (image) =>
      [`A33 the image ${JSON.stringify(image)}`, PRE_PULL, { images: ["a", image] }, /images\[1\]/u] as const,
  ),
  ["B20 negative retries", PRE_PULL, { retryTimes: -1 }, /retryTimes: .*negative/u],
  ...[
    "x;reboot",
    "true; id",
    "1,modules.edgeHub.httpServer=https://evil",
    "$(id)",
    "`id`",
    "a|b",
    "a\nb",
    "a&b",
    "a>b",
  ].map(
    (text) =>
      [`S10 the value ${JSON.stringify(text)}`, CONFIG, value(text), /updateFields\.modules\.a/u] as const,
  ),
  ["S10 a value of 4,097 characters", CONFIG, value("x".repeat(4_097)), /updateFields: .*4096 of its value/u],
  ...[
    "kind",
    "modules",
    "a.b",
    "modules.a=1",
    "modules.a,modules.b",
    "modules..a",
    "modules.a;x",
    "modules.a ",
  ].map((text) => [`S10 the field ${JSON.stringify(text)}`, CONFIG, key(text), /invalid field/u] as const),
  ["S10 a field of 600 characters", CONFIG, key(`modules.${"a".repeat(600)}`), /invalid field/u],
  [
    "S10 501 fields",
    CONFIG,
    {
      updateFields: Object.fromEntries(Array.from({ length: 501 }, (_, index) => [`modules.a${index}`, "x"])),
    },
    /over 500 fields/u,
  ],
];
const ROWS = [
  ...KINDS.flatMap((kind) => EVERY.map(([what, change, says]) => ({ what, kind, change, says }))),
  ...OWN.map(([what, kind, change, says]) => ({ what, kind, change, says })),
].flatMap((row) =>
  row.kind.versions.map((version) => ({ ...row, version, name: `${version} ${row.kind.kind}` })),
);

describe("jobs at an API server without any webhook", () => {
  let api: ApiServer;
  let stop = (): Promise<void> => Promise.resolve();
  beforeAll(async () => {
    api = await startApiServer();
    stop = () => api.stop();
    await api.kubectl(["apply", "--server-side", "-f", manifests]);
    await untilEstablished((args) => api.kubectl(args));
  }, 120_000);
  afterAll(() => stop());

  const create = (kind: Kind, version: string, name: string, change: object): Promise<string> => {
    const apiVersion = `operations.kubeedge.io/${version}`;
    const object = { apiVersion, kind: kind.kind, metadata: { name }, spec: kind.spec(change) };
    return api.kubectl(
      ["create", `--raw=/apis/${apiVersion}/${kind.plural}`, "-f", "-"],
      JSON.stringify(object),
    );
  };
  const specOf = async (kind: Kind, version: string, name: string): Promise<object> => {
    const path = `/apis/operations.kubeedge.io/${version}/${kind.plural}/${name}`;
    return (JSON.parse(await api.kubectl(["get", `--raw=${path}`])) as { spec: object }).spec;
  };
  const patch = (kind: Kind, version: string, name: string, change: object): Promise<string> =>
    api.kubectl([
      ...["patch", `${kind.plural}.${version}.operations.kubeedge.io`, name, "--type=merge"],
      ...["-p", JSON.stringify({ spec: change })],
    ]);

  test.each(ROWS)("$what is refused in a $name", async ({ kind, version, change, says }) => {
    await expect(create(kind, version, "bad", change)).rejects.toThrow(says);
  });

  test("what every row changes is what is refused: without it the job is taken", async () => {
    for (const kind of KINDS)
      for (const version of kind.versions) {
        await create(kind, version, `good-${version}`, {});
        await create(kind, version, `crowd-${version}`, { nodeNames: many.nodeNames.slice(1) });
      }
  });

  const common = { concurrency: 1, timeoutSeconds: 300, failureTolerate: "0.1" };
  test("A28 defaults are stored by either version, and read by both", async () => {
    for (const kind of KINDS)
      for (const version of kind.versions) {
        const name = `defaults-${version}`;
        await create(kind, version, name, {});
        const defaults = kind === PRE_PULL ? { ...common, retryTimes: 0 } : common;
        for (const reader of kind.versions)
          expect(await specOf(kind, reader, name)).toEqual(kind.spec(defaults));
      }
  });

  test("A28 what is given is stored as it is, also 0", async () => {
    const given = { concurrency: 0, timeoutSeconds: 0, failureTolerate: "" };
    await create(UPGRADE, "v1alpha2", "given", given);
    expect(await specOf(UPGRADE, "v1alpha1", "given")).toEqual(UPGRADE.spec(given));
  });

  const ANY: readonly object[] = [
    ...[{ nodeNames: ["n", "m"] }, { nodeNames: null, labelSelector: {} }, { concurrency: 2 }],
    ...[{ timeoutSeconds: 301 }, { failureTolerate: "0.2" }],
  ];
  const CHANGES: readonly (readonly [Kind, readonly object[]])[] = [
    [UPGRADE, [...ANY, { version: "v1.24.0" }, { image: "a/b" }, { checkItems: ["cpu"] }]],
    [UPGRADE, [{ requireConfirmation: true }, { imageDigestGatter: { value: DIGEST } }]],
    [PRE_PULL, [...ANY, { images: ["busybox:1.37"] }, { checkItems: ["cpu"] }, { retryTimes: 1 }]],
    [PRE_PULL, [{ images: null }, { imageSecrets: "default/regcred" }]],
    [CONFIG, [...ANY, value("x"), { updateFields: { "modules.edgeStream.enable": "false" } }]],
  ];
  test.each(
    CHANGES.flatMap(([kind, changes]) => changes.map((change) => ({ kind, change, what: kind.kind }))),
  )("A28 a $what that is there cannot become one with $change, by no version", async ({ kind, change }) => {
    for (const version of kind.versions) {
      const body = kind === PRE_PULL ? { imagePrePullTemplate: change } : change;
      await expect(patch(kind, version, `good-${version}`, body)).rejects.toThrow(FIXED);
    }
  });

  test("A28 a client that leaves out defaults, or writes nothing as [], changes nothing", async () => {
    await patch(UPGRADE, "v1alpha2", "good-v1alpha2", {
      concurrency: 0,
      timeoutSeconds: null,
      checkItems: [],
    });
    const nothing = { retryTimes: null, concurrency: 0, imageSecrets: "", checkItems: [] };
    await patch(PRE_PULL, "v1alpha1", "good-v1alpha1", { imagePrePullTemplate: nothing });
    await patch(CONFIG, "v1alpha2", "good-v1alpha2", { failureTolerate: null, concurrency: 0 });
  });

  test("a status survives a label that was written by the older version, every field of it", async () => {
    const node = {
      ...{ nodeName: "n", phase: "InProgress", attempt: 2, startTime: "2026-01-01T00:00:00Z" },
      ...{ progress: "1 of 2", log: "end", supersededBy: "later", state: "Checking" },
      actionFlow: [{ action: "Check", status: "True", time: "2026-01-01T00:00:00Z" }],
    };
    const status = { phase: "InProgress", sequence: "7", summary: { total: 1, pending: 0, offline: 0 } };
    for (const kind of [UPGRADE, PRE_PULL]) {
      const path = `/apis/operations.kubeedge.io/v1alpha1/${kind.plural}/good-v1alpha2`;
      await api.kubectl([
        ...["patch", `${kind.plural}.v1alpha2.operations.kubeedge.io`, "good-v1alpha2", "--type=merge"],
        ...["--subresource=status", "-p", JSON.stringify({ status: { ...status, nodeStatus: [node] } })],
      ]);
      const old = JSON.parse(await api.kubectl(["get", `--raw=${path}`])) as { metadata: object };
      const labelled = { ...old, metadata: { ...old.metadata, labels: { written: "by-v1alpha1" } } };
      await api.kubectl(["replace", `--raw=${path}`, "-f", "-"], JSON.stringify(labelled));
      const stored = await api.kubectl(["get", kind.plural, "good-v1alpha2", "-o", "json"]);
      expect(JSON.parse(stored)).toMatchObject({
        ...{ metadata: { labels: { written: "by-v1alpha1" } } },
        status: { ...status, nodeStatus: [node] },
      });
    }
  });

  test("A29 a digest that was written by one version is read by the other, and stays", async () => {
    const [amd64, arm64, all] = ["1", "2", "3"].map((digit) => `sha256:${digit.repeat(64)}`);
    const gates = {
      "gate-old": { version: "v1alpha1", gate: { value: all } },
      "gate-new": { version: "v1alpha2", gate: { amd64, arm64 } },
      "gate-all": { version: "v1alpha2", gate: { value: all } },
      "gate-both": { version: "v1alpha1", gate: { value: all, amd64 } },
    };
    for (const [name, { version, gate }] of Object.entries(gates)) {
      await create(UPGRADE, version, name, { imageDigestGatter: gate });
      for (const reader of UPGRADE.versions) {
        expect(await specOf(UPGRADE, reader, name)).toMatchObject({ imageDigestGatter: gate });
        await expect(patch(UPGRADE, reader, name, { imageDigestGatter: { value: DIGEST } })).rejects.toThrow(
          FIXED,
        );
      }
    }
  });
});
