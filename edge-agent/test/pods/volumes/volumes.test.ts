// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { podOf } from "../fakes.ts";
import { rotateLog } from "../../../src/pods/container/logs.ts";
import { containerMounts } from "../../../src/pods/container/mounts.ts";
import type { DataObject } from "../../../src/pods/model/data.ts";
import type { Pod } from "../../../src/pods/model/pod.ts";
import type { Volume } from "../../../src/pods/model/volume.ts";
import { writeAtomically } from "../../../src/pods/volumes/atomic-dir.ts";
import { type Mounter, unmountAndRemove } from "../../../src/pods/volumes/mounter.ts";
import { downwardFiles, objectFiles, safePath } from "../../../src/pods/volumes/payload.ts";
import {
  mountVolumes,
  refreshVolumes,
  removeVolumes,
  type VolumeRun,
} from "../../../src/pods/volumes/volumes.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "vol-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const allocatable = () => ({ cpuMilli: 0, memoryBytes: 0, ephemeralStorageBytes: 0 });
const file = (text: string, mode = 0o644) => ({ bytes: Buffer.from(text), mode });

describe("writeAtomically", () => {
  it("leaves nothing behind when the files cannot all be written", async () => {
    const impossible = new Map([
      ["a", file("1")],
      ["a/b", file("2")],
    ]);
    await expect(writeAtomically(dir, impossible)).rejects.toThrow();
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe("objectFiles", () => {
  const object: DataObject = {
    data: { a: "1", b: "2" },
    binaryData: { c: Buffer.from([0, 255]).toString("base64") },
  };
  const base = { kind: "configmap", name: "cm", items: undefined, optional: false, mode: 0o640 } as const;
  it("takes every key with the volume's mode, or the named ones at their paths and modes", () => {
    expect([...objectFiles(object, base).keys()]).toEqual(["a", "b", "c"]);
    expect(objectFiles(object, base).get("c")?.bytes).toEqual(Buffer.from([0, 255]));
    const items = [{ key: "a", path: "x/y", mode: 0o400 }];
    expect([...objectFiles(object, { ...base, items })]).toEqual([["x/y", file("1", 0o400)]]);
  });
  it("decodes Secrets", () => {
    expect(
      objectFiles({ data: { k: "aGk=" } }, { ...base, kind: "secret" })
        .get("k")
        ?.bytes.toString(),
    ).toBe("hi");
  });
  it("fails on a missing object or key unless it is optional", () => {
    expect(() => objectFiles(undefined, base)).toThrow('configmap "cm" not found');
    expect(() => objectFiles(object, { ...base, items: [{ key: "z", path: "z" }] })).toThrow(
      "non-existent key: z",
    );
    expect(objectFiles(undefined, { ...base, optional: true }).size).toBe(0);
    expect(objectFiles(object, { ...base, optional: true, items: [{ key: "z", path: "z" }] }).size).toBe(0);
  });
  it.each(["../x", "/etc/passwd", "a/../../x", "", "..data/x"])("refuses the path %p", (path) => {
    expect(() => safePath(path)).toThrow(expect.objectContaining({ code: "INVALID" }));
  });
  it("writes fields of the pod", () => {
    const context = {
      pod: podOf("p", { containers: [] }),
      nodeName: "n",
      hostIp: "h",
      podIps: [],
      allocatable,
    };
    expect([
      ...downwardFiles([{ path: "n", fieldRef: { fieldPath: "metadata.name" } }], context, 0o644),
    ]).toEqual([["n", file("p")]]);
  });
});

describe("writeAtomically", () => {
  it("shows files through ..data, switches all at once and removes what is gone", async () => {
    expect(
      await writeAtomically(
        dir,
        new Map([
          ["a", file("1")],
          ["d/b", file("2", 0o400)],
        ]),
      ),
    ).toBe(true);
    expect(readFileSync(join(dir, "a"), "utf8") + readFileSync(join(dir, "d/b"), "utf8")).toBe("12");
    expect(readlinkSync(join(dir, "a"))).toBe("..data/a");
    expect(statSync(join(dir, "d/b")).mode & 0o777).toBe(0o400);
    const before = readlinkSync(join(dir, "..data"));
    expect(await writeAtomically(dir, new Map([["a", file("3")]]))).toBe(true);
    expect(readlinkSync(join(dir, "..data"))).not.toBe(before);
    expect(readFileSync(join(dir, "a"), "utf8")).toBe("3");
    expect(readdirSync(dir).sort()).toEqual(["..data", readlinkSync(join(dir, "..data")), "a"].sort());
  });
  it("does nothing when all is in place, and heals what a crash left half done", async () => {
    const payload = new Map([["a", file("1")]]);
    await writeAtomically(dir, payload);
    const before = readlinkSync(join(dir, "..data"));
    rmSync(join(dir, "a"));
    mkdirSync(join(dir, "..2026_half"));
    symlinkSync("nowhere", join(dir, "..data_tmp"));
    expect(await writeAtomically(dir, payload)).toBe(false);
    expect(readlinkSync(join(dir, "..data"))).toBe(before);
    expect(readFileSync(join(dir, "a"), "utf8")).toBe("1");
    await writeAtomically(dir, new Map([["a", file("2")]]));
    expect(readdirSync(dir)).not.toContain("..2026_half");
  });
  it("lets the pod's fsGroup read", async () => {
    await writeAtomically(dir, new Map([["a", file("1", 0o600)]]), { fsGroup: 4321 });
    expect(statSync(join(dir, "a"))).toMatchObject({ gid: 4321 });
    expect(statSync(join(dir, "a")).mode & 0o777).toBe(0o640);
  });
});

describe("volumes of a pod", () => {
  const mounted = new Set<string>();
  const mounter: Mounter = {
    below: (path) => Promise.resolve([...mounted].filter((m) => m === path || m.startsWith(`${path}/`))),
    tmpfs: (path) => Promise.resolve(void mounted.add(path)),
    unmount: (path) => Promise.resolve(void mounted.delete(path)),
  };
  let objects: Record<string, DataObject> = {};
  const runOf = (volumes: Volume[]): VolumeRun => {
    const pod: Pod = podOf("p", { containers: [{ name: "c", image: "i" }], volumes });
    return {
      pod,
      paths: { rootDir: dir, podLogsDir: dir },
      mounter,
      fields: { pod, nodeName: "n", hostIp: "h", podIps: [], allocatable },
      sources: {
        objects: { get: (kind, name) => Promise.resolve(objects[`${kind}/${name}`]) },
        token: () => Promise.resolve("tok"),
      },
    };
  };
  const at = (plugin: string, name: string): string =>
    join(dir, "pods/uid-p/volumes", `kubernetes.io~${plugin}`, name);
  beforeEach(() => {
    mounted.clear();
    objects = { "configmap/cm": { data: { k: "v" } }, "secret/s": { data: { k: "dg==" } } };
  });

  it("keeps secrets and tokens in memory, the rest on disk", async () => {
    const sources = [{ serviceAccountToken: { path: "token" } }, { configMap: { name: "cm" } }];
    await mountVolumes(
      runOf([
        { name: "a", configMap: { name: "cm" } },
        { name: "b", secret: { secretName: "s" } },
        { name: "p", projected: { sources } },
        { name: "e", emptyDir: {} },
        { name: "m", emptyDir: { medium: "Memory" } },
      ]),
    );
    expect([...mounted].sort()).toEqual([at("empty-dir", "m"), at("projected", "p"), at("secret", "b")]);
    expect(readFileSync(join(at("projected", "p"), "token"), "utf8")).toBe("tok");
    expect(statSync(at("empty-dir", "e")).mode & 0o777).toBe(0o777);
    await removeVolumes({ paths: { rootDir: dir, podLogsDir: dir }, mounter }, "uid-p");
    expect([...mounted, existsSync(join(dir, "pods/uid-p"))]).toEqual([false]);
  });
  it("follows a changed ConfigMap", async () => {
    const run = runOf([{ name: "a", configMap: { name: "cm" } }]);
    await mountVolumes(run);
    expect(await refreshVolumes(run)).toEqual([]);
    objects = { "configmap/cm": { data: { k: "new" } } };
    expect(await refreshVolumes(run)).toEqual(["a"]);
    expect(readFileSync(join(at("configmap", "a"), "k"), "utf8")).toBe("new");
  });
  it.each([
    ["Directory", false],
    ["File", false],
    ["DirectoryOrCreate", true],
    ["FileOrCreate", true],
    ["", true],
    ["Socket", false],
    ["Bogus", false],
  ])("hostPath of type %p on a missing path is fine: %p", async (type, fine) => {
    const work = mountVolumes(runOf([{ name: "h", hostPath: { path: join(dir, "x/y"), type } }]));
    await (fine
      ? expect(work).resolves.toBeUndefined()
      : expect(work).rejects.toMatchObject({ name: "PodError" }));
  });
  it("says which kind it does not have", async () => {
    await expect(mountVolumes(runOf([{ name: "nfs" }]))).rejects.toMatchObject({ code: "INVALID" });
  });
  it("deletes nothing while something is still mounted below", async () => {
    writeFileSync(join(dir, "precious"), "x");
    const stuck: Mounter = {
      ...mounter,
      below: () => Promise.resolve([join(dir, "m")]),
      unmount: () => Promise.resolve(),
    };
    await expect(unmountAndRemove(dir, stuck)).rejects.toMatchObject({ code: "HOST" });
    expect(existsSync(join(dir, "precious"))).toBe(true);
  });

  it("mounts a subPath inside its volume and refuses one that leads out of it", async () => {
    const run = runOf([{ name: "e", emptyDir: {} }]);
    await mountVolumes(run);
    symlinkSync("/etc", join(at("empty-dir", "e"), "out"));
    const mounts = (subPath: string): Promise<unknown> =>
      containerMounts({
        paths: run.paths,
        pod: run.pod,
        container: { name: "c", image: "i", volumeMounts: [{ name: "e", mountPath: "/x", subPath }] },
        attempt: 0,
        env: new Map(),
        podIps: ["10.0.0.2"],
        clusterDomain: "cluster.local",
      });
    expect(await mounts("a/b")).toMatchObject([
      { containerPath: "/x", hostPath: join(at("empty-dir", "e"), "a/b") },
      { containerPath: "/etc/hosts" },
      { containerPath: "/dev/termination-log" },
    ]);
    await expect(mounts("out")).rejects.toMatchObject({ code: "INVALID" });
    await expect(mounts("out/new")).rejects.toMatchObject({ code: "INVALID" });
    await expect(mounts("../x")).rejects.toMatchObject({ code: "INVALID" });
  });
});

describe("container logs", () => {
  const limits = { maxBytes: 3, maxFiles: 3, nowMs: Date.UTC(2026, 10, 21, 2, 7, 5) };
  it("are moved aside when too long, and only so many are kept", async () => {
    for (const old of ["0.log.20250101-000000", "0.log.20260101-000000", "1.log.20250101-000000"])
      writeFileSync(join(dir, old), "");
    writeFileSync(join(dir, "0.log"), "long");
    let reopened = 0;
    expect(await rotateLog(join(dir, "0.log"), limits, () => Promise.resolve(void (reopened += 1)))).toBe(
      true,
    );
    expect(reopened).toBe(1);
    expect(readdirSync(dir).sort()).toEqual([
      "0.log.20260101-000000",
      "0.log.20261121-020705",
      "1.log.20250101-000000",
    ]);
  });
  it("stay while short, and come back when the runtime does not reopen", async () => {
    const refuse = (): Promise<void> => Promise.reject(new Error("no"));
    writeFileSync(join(dir, "0.log"), "ok");
    expect(await rotateLog(join(dir, "0.log"), limits, refuse)).toBe(false);
    writeFileSync(join(dir, "0.log"), "long");
    await expect(rotateLog(join(dir, "0.log"), limits, refuse)).rejects.toThrow("no");
    expect(readdirSync(dir)).toEqual(["0.log"]);
  });
});
