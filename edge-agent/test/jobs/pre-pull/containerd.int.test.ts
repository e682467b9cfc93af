// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { systemClock } from "../../../src/clock.ts";
import { createCri, type Cri } from "../../../src/cri/index.ts";
import type { LoginSecret } from "../../../src/images/index.ts";
import { createPrePullRunner } from "../../../src/jobs/pre-pull/index.ts";
import type { StepOutcome } from "../../../src/jobs/port.ts";
import { startContainerd, type OwnContainerd } from "../../pods/containerd.ts";
import { startRegistry, type Registry } from "./registry.ts";

const [USER, PASSWORD] = ["puller", "s3cret-of:the-registry"];
const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("images that a job pulls with a real containerd from a real registry", () => {
  let containerd: OwnContainerd;
  let registry: Registry;
  let cri: Cri;
  let digest: string;
  const pulls: string[] = [];
  const logged: unknown[] = [];

  beforeAll(async () => {
    [containerd, registry] = await Promise.all([startContainerd(), startRegistry(USER, PASSWORD)]);
    cri = createCri({ endpoint: containerd.endpoint });
    for (const name of ["team/a:1", "team/b:1", "other/c:1"]) {
      const image = `${registry.address}/${name}`;
      await containerd.ctr("images", "tag", "localhost/busybox:dev", image);
      await containerd.ctr("images", "push", "--plain-http", "--user", `${USER}:${PASSWORD}`, image);
      await containerd.ctr("images", "rm", image);
    }
  }, 60_000);

  afterAll(async () => {
    cri.close();
    await Promise.all([containerd.stop(), registry.stop()]);
  }, 60_000);

  const image = (name: string): string => `${registry.address}/${name}`;
  const modern = (password: string): LoginSecret => {
    const auths = { [`http://${registry.address}/team`]: { auth: base64(`${USER}:${password}`) } };
    return { data: { ".dockerconfigjson": base64(JSON.stringify({ auths })) } };
  };
  const legacy = (): LoginSecret => {
    const logins = { [registry.address]: { username: USER, password: PASSWORD } };
    return { data: { ".dockercfg": base64(JSON.stringify(logins)) } };
  };

  async function pull(names: readonly string[], secret?: LoginSecret, retryTimes = 0): Promise<StepOutcome> {
    const log = (fields: unknown): void => void logged.push(fields);
    const runner = createPrePullRunner({
      images: () => ({
        ...cri,
        pullImage: (name, options) => {
          pulls.push(name);
          return cri.pullImage(name, options);
        },
      }),
      secret: () => (secret ? Promise.resolve(secret) : Promise.reject(new Error("not asked for"))),
      clock: systemClock,
      random: Math.random,
      log: { error: log, warn: log, info: log, debug: log },
      options: { retryBaseMs: 10, minFreeShare: 0 },
    });
    const imagePrePullTemplate = {
      nodeNames: ["n"],
      images: names.map((name) => (name.includes("@") ? name : image(name))),
      retryTimes,
      ...(secret && { imageSecrets: "default/regcred" }),
    };
    const spec = { imagePrePullTemplate };
    expect(runner.faults(spec)).toEqual([]);
    pulls.length = 0;
    return runner.run("Pull", {
      order: { kind: "ImagePrePullJob", name: "j", uid: "u", attempt: 1, spec },
      signal: new AbortController().signal,
      note: () => undefined,
      keep: () => Promise.resolve(),
      progress: () => undefined,
    });
  }

  it.each<[string, (password: string) => LoginSecret, string]>([
    ["auths of a dockerconfigjson, by path", modern, "team/a:1"],
    ["a dockercfg, by host", legacy, "other/c:1"],
  ])("A33 come out of a private registry by %s", async (_what, secret, name) => {
    expect(await cri.imageStatus(image(name))).toBeUndefined();
    expect(await pull([name], secret(PASSWORD))).toEqual({
      ok: true,
      images: [{ image: image(name), status: "True" }],
    });
    expect((await cri.imageStatus(image(name)))?.repoTags).toContain(image(name));
  });

  it.each<[string, () => LoginSecret | undefined, string]>([
    ["a wrong password", () => modern("wrong-one"), "team/b:1"],
    ["the login of another path", () => modern(PASSWORD), "other/d:1"],
    ["no Secret", () => undefined, "team/b:1"],
  ])(
    "A33 stay away with %s, after two tries, and nobody learns the password",
    async (_what, secret, name) => {
      const outcome = await pull([name, "team/a:1"].slice(0, 1), secret(), 1);
      expect(outcome).toMatchObject({ ok: false, images: [{ image: image(name), status: "False" }] });
      expect(pulls).toEqual([image(name), image(name)]);
      const told = JSON.stringify([outcome, logged]);
      expect(told).toMatch(/unauthorized|authorization failed|401/i);
      expect(told).not.toMatch(/wrong-one|s3cret-of/);
      expect(await cri.imageStatus(image(name))).toBeUndefined();
    },
  );

  it("A33 that are there and one that is not: each has its own result", async () => {
    const outcome = await pull(["team/a:1", "team/none:1", "team/b:1"], modern(PASSWORD), 1);
    expect(outcome).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/^1 of 3 images were not pulled: .*team\/none:1: .*not found/),
    });
    expect("images" in outcome && outcome.images.map(({ status }) => status)).toEqual([
      "True",
      "False",
      "True",
    ]);
    expect(pulls.filter((name) => name.includes("none"))).toHaveLength(2);
  });

  it("that are there by tag or digest need neither registry nor Secret", async () => {
    const found = await cri.imageStatus(image("team/a:1"));
    digest = found?.repoDigests.find((each) => each.startsWith(image("team/a"))) ?? "";
    expect(digest).toMatch(/@sha256:/);
    await registry.stop();
    expect(await pull([digest, "team/a:1"])).toEqual({
      ok: true,
      images: [digest, image("team/a:1")].map((name) => ({ image: name, status: "True" })),
    });
    expect(pulls).toEqual([]);
  });
});
