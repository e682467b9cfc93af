// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCri, type Cri } from "../../edge-agent/src/cri/index.ts";
import { containerdSocket, startContainerd } from "../cluster/containerd.ts";
import { layoutOf, makeFolders, type Layout } from "../cluster/layout.ts";
import { stopProcess } from "../cluster/processes.ts";
import { pushBusybox, startRegistry, trustRegistry, type LocalRegistry } from "../cluster/registry.ts";

const USER = { username: "edge", password: "secret" };

describe("the containerd of an environment", () => {
  let layout: Layout;
  let cri: Cri;
  let registry: LocalRegistry;
  let image = "";
  beforeAll(async () => {
    layout = layoutOf("", mkdtempSync(join(tmpdir(), "longshore-")));
    makeFolders(layout);
    registry = await startRegistry(layout, { user: USER });
    image = await pushBusybox(registry);
    await startContainerd(layout, () => undefined);
    cri = createCri({ endpoint: `unix://${containerdSocket(layout)}` });
  }, 60_000);
  afterAll(async () => {
    cri.close();
    await registry.stop();
    await stopProcess(layout, "containerd");
    rmSync(layout.sockets, { recursive: true, force: true });
    rmSync(layout.root, { recursive: true, force: true });
  });

  it("pulls from a private registry once it trusts that, and with a login alone", async () => {
    // What it does not know on this machine it asks by plain HTTP.
    await expect(cri.pullImage(image, { auth: USER })).rejects.toThrow("400 Bad Request");
    trustRegistry(layout, registry);
    await expect(cri.pullImage(image, {})).rejects.toThrow(/authorization|401|credential/i);
    await cri.pullImage(image, { auth: USER });
    expect((await cri.imageStatus(image))?.repoTags).toContain(image);
  });

  it("pulls by plain HTTP from a registry that has no certificate", async () => {
    const plain = await startRegistry(layout, { name: "plain", insecure: true });
    try {
      trustRegistry(layout, plain);
      const name = await pushBusybox(plain, "busybox", "other");
      await cri.pullImage(name, {});
      expect((await cri.imageStatus(name))?.repoDigests[0]).toMatch(/@sha256:[a-f0-9]{64}$/);
    } finally {
      await plain.stop();
    }
  });
});
