// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { ctr } from "../cluster/containerd.ts";
import { pushBusybox, startRegistry, trustRegistry, type LocalRegistry } from "../cluster/registry.ts";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { flowOf, getJob, job, taskOf, type NodeTask } from "./fleet-jobs.ts";

jest.setTimeout(120_000);
const KIND = "ImagePrePullJob";
const USER = { username: "puller", password: "pa:ss word" };

describe("pre-pull of images", () => {
  const names: string[] = [];
  let env: Environment;
  let namespace: string;
  let registry: LocalRegistry;
  let image: string;

  beforeAll(async () => {
    env = await environment();
    namespace = await env.namespace("pre-pull");
    registry = await startRegistry(env.layout, { name: "private-registry", user: USER });
    trustRegistry(env.layout, registry);
    image = await pushBusybox(registry);
    const auth = Buffer.from(`${USER.username}:${USER.password}`).toString("base64");
    const logins = JSON.stringify({ auths: { [registry.address]: { auth } } });
    await env.kubectl.run(
      ...["-n", namespace, "create", "secret", "generic", "regcred", "--type=kubernetes.io/dockerconfigjson"],
      `--from-literal=.dockerconfigjson=${logins}`,
    );
  }, 600_000);
  afterAll(async () => {
    for (const name of names) await env.kubectl.tryRun("delete", "imageprepulljob", name, "--wait=false");
    await ctr(env.layout, "images", "rm", image).catch(() => undefined);
    await registry.stop();
    await cleanEnvironment();
  }, 120_000);

  const pull = async (name: string, template: Readonly<Record<string, unknown>>): Promise<void> => {
    await env.kubectl.tryRun("delete", "imageprepulljob", name); // what an earlier run left
    names.push(name);
    const imagePrePullTemplate = { nodeNames: [env.node], timeoutSeconds: 100, ...template };
    await env.kubectl.apply(job(KIND, name, { imagePrePullTemplate }));
  };
  const ended = (name: string, phase: NodeTask["phase"]): Promise<NodeTask> =>
    taskOf(env, { kind: KIND, name, node: env.node }, { phase, timeoutMs: 90_000 });

  it("A33 does not get a private image without its login", async () => {
    await pull("pull-anonymous", { images: [image] });
    const task = await ended("pull-anonymous", "Failure");
    expect(flowOf(task)).toBe("Check: True, Pull: False");
    expect(task.imageStatus).toMatchObject([{ image, status: "False" }]);
    expect(task.imageStatus?.[0]?.reason).not.toBe("");
  });

  it("A33 tells image by image what became of it, with the login of a Secret", async () => {
    const missing = `${registry.address}/bad/none:1`;
    const imageSecrets = `${namespace}/regcred`;
    const template = { checkItems: ["mem"], retryTimes: 1, failureTolerate: "1", imageSecrets };
    await pull("pull-both", { images: [image, missing], ...template });
    const task = await ended("pull-both", "Failure");
    expect(task.imageStatus).toMatchObject([
      { image, status: "True" },
      { image: missing, status: "False" },
    ]);
    expect(JSON.stringify(await getJob(env, KIND, "pull-both"))).not.toContain(USER.password);
    expect(await ctr(env.layout, "images", "ls", "-q")).toContain(image);
    await env.kubectl.run("wait", "--for=condition=Complete", "imageprepulljob/pull-both", "--timeout=20s");
  });

  it("A33 succeeds where all images are there", async () => {
    await pull("pull-again", { images: [image] });
    expect(flowOf(await ended("pull-again", "Successful"))).toBe("Check: True, Pull: True");
    const shown = await env.kubectl.run("get", "imageprepulljob", "pull-again");
    expect(shown).toMatch(/pull-again +1 +Completed +1 +1 +0/);
  });
});
