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

const imageOf = async (name: string): Promise<unknown> => {
  const { spec } = await room.get(DEPLOYMENTS, name);
  const template = spec?.["template"] as { spec?: { containers?: { image: string }[] } } | undefined;
  return template?.spec?.containers?.[0]?.image;
};
const images = async () => [await imageOf("web-a"), await imageOf("web-b")];
const spec = (image: string, names = ["a", "b"]) => ({
  workloadScope: groupTargets(...names),
  workloadTemplate: { manifests: [deployment("web", image)] },
  rollout: {
    batches: names.map((name) => ({ name: `batch-${name}`, targets: [name] })),
    prePull: { enabled: false },
  },
});

describe("a rollout", () => {
  it("gives a batch its objects when those of the batch before are as wanted, also over a restart", async () => {
    for (const name of ["a", "b"]) await room.createGroup(name);
    for (const name of ["a", "b"])
      await room.createNode(`node-${name}`, { "apps.kubeedge.io/belonging-to": name });
    room.start();
    await room.createApp("shop", spec("nginx:1"));
    for (const name of ["web-a", "web-b"]) {
      await eventually(async () => expect(await room.names(DEPLOYMENTS)).toContain(name));
      await room.available(name);
    }
    await eventually(async () => expect((await room.app("shop")).status?.rollout?.phase).toBe("Completed"));
    await eventually(async () =>
      expect(await room.conditions("shop")).toMatchObject({ Ready: "True Ready" }),
    );
    await room.quiet();

    await room.patchApp("shop", spec("nginx:2"));
    await eventually(async () => expect(await images()).toEqual(["nginx:2", "nginx:1"]));
    await room.quiet();
    expect(await images()).toEqual(["nginx:2", "nginx:1"]);
    expect(await room.conditions("shop")).toMatchObject({ Ready: "False Progressing" });
    await room.stop();
    room.start();
    await room.quiet();
    expect(await images()).toEqual(["nginx:2", "nginx:1"]);

    await room.available("web-a");
    await eventually(async () => expect(await images()).toEqual(["nginx:2", "nginx:2"]));
    await room.available("web-b");
    await eventually(async () => expect((await room.app("shop")).status?.rollout?.phase).toBe("Completed"));
    await eventually(async () =>
      expect(await room.conditions("shop")).toMatchObject({ Ready: "True Ready" }),
    );
    const { targets } = (await room.app("shop")).status ?? {};
    expect(new Set(targets?.map(({ revision }) => revision)).size).toBe(1);
    await room.quiet();
  }, 90_000);

  it("does not take a batch whose objects were refused for done", async () => {
    for (const name of ["c", "d"]) await room.createGroup(name);
    for (const name of ["c", "d"])
      await room.createNode(`node-${name}`, { "apps.kubeedge.io/belonging-to": name });
    room.start();
    await room.createApp("shop", spec("nginx:1", ["c", "d"]));
    for (const name of ["web-c", "web-d"]) {
      await eventually(async () => expect(await room.names(DEPLOYMENTS)).toContain(name));
      await room.available(name);
    }
    await eventually(async () => expect((await room.app("shop")).status?.rollout?.phase).toBe("Completed"));
    await room.patchApp("shop", {
      workloadTemplate: { manifests: [deployment("web", "nginx:2", { replicas: -1 })] },
    });
    await eventually(async () =>
      expect(await room.conditions("shop")).toMatchObject({ Ready: "False ObjectFailed" }),
    );
    // It is tried again and again meanwhile.
    for (let tries = 0; tries < 3; tries++) {
      await eventually(() => {
        expect(room.takeCalls()).toContainEqual(expect.objectContaining({ verb: "apply", name: "web-c" }));
      });
    }
    expect(await imageOf("web-d")).toBe("nginx:1");
    expect((await room.app("shop")).status?.rollout?.phase).toBe("Progressing");
    expect(await room.names(DEPLOYMENTS)).toEqual(["web-c", "web-d"]);
  }, 60_000);
});
