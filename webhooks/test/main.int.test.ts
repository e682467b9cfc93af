// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { kinds } from "@longshore/crds/kinds";
import {
  createClient,
  loadKubeConfig,
  type KubeClient,
  type KubeObject,
  type Resource,
} from "@longshore/operators/runtime";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:tls";
import { Agent, request } from "undici";
import { untilEstablished } from "../../hack/cluster/established.ts";
import { kubectlOf } from "../../crds/test/apiserver.ts";
import { controlPlaneBin, startApiServer, type ApiServer } from "../../operators/test/apiserver.ts";
import {
  CONFIG,
  configurationsFor,
  eventually,
  requireReady,
  startReplica,
  type Replica,
} from "./installation.ts";
import { underLoad, unjudged, type Tally } from "./load.ts";
import { openService, untilUnready, type Service } from "./service.ts";

jest.setTimeout(120_000);
const CONFIGURATIONS: Resource = {
  group: "admissionregistration.k8s.io",
  version: "v1",
  plural: "validatingwebhookconfigurations",
  kind: "ValidatingWebhookConfiguration",
  namespaced: false,
};
const MUTATING: Resource = {
  ...CONFIGURATIONS,
  plural: "mutatingwebhookconfigurations",
  kind: "MutatingWebhookConfiguration",
};
const PODS: Resource = { group: "", version: "v1", plural: "pods", kind: "Pod", namespaced: true };
const SECRETS: Resource = { group: "", version: "v1", plural: "secrets", kind: "Secret", namespaced: true };
const autonomous = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: "autonomous",
    namespace: "default",
    labels: { "app-offline.kubeedge.io": "autonomy" },
  },
  spec: { containers: [{ name: "app", image: "busybox" }] },
};
interface PodObject extends KubeObject {
  readonly spec: { readonly tolerations?: readonly { key?: string; operator?: string; effect?: string }[] };
}
const isForEver = (toleration: { key?: string; operator?: string; effect?: string }): boolean =>
  toleration.key === "node.kubernetes.io/unreachable" &&
  toleration.operator === "Exists" &&
  toleration.effect === undefined;
const SECRET = { namespace: "kubeedge", name: "longshore-webhooks-tls" };
const NAME = { name: "longshore-webhooks" };

interface Configuration {
  metadata: { name: string; uid: string; resourceVersion: string };
  webhooks: {
    clientConfig: { caBundle?: string; service?: { path: string }; url?: string };
    failurePolicy: string;
  }[];
}

/** Issuer of the certificate that is served, verified with `ca`. */
const issuerServed = (port: number, ca: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, ca, servername: "" }, () => {
      resolve(String(socket.getPeerCertificate().issuer["CN"]));
      socket.destroy();
    });
    socket.on("error", reject);
  });

describe("the webhooks before a real API server", () => {
  let api: ApiServer;
  let client: KubeClient;
  let kubectl: (args: readonly string[], stdin?: string) => Promise<string>;
  let service: Service;
  let kubeconfig: string;
  const replicas: Replica[] = [];

  beforeAll(async () => {
    api = await startApiServer();
    client = createClient({ kubeConfig: loadKubeConfig(api.kubeconfig), userAgent: "test" });
    kubectl = kubectlOf(await controlPlaneBin(), api.kubeconfig);
    await kubectl(["apply", "--server-side", "-k", join(CONFIG, "local")]);
    await untilEstablished(kubectl);
    await eventually(() => kubectl(["get", "namespace", "default"]));
    service = await openService();
    await kubectl(["apply", "--server-side", "-f", "-"], await configurationsFor(kubectl, service.port));
    const token = await kubectl(["-n", "kubeedge", "create", "token", "longshore-webhooks"]);
    kubeconfig = await api.writeKubeconfig("webhooks", { token: token.trim() });
    const draining = startReplica(kubeconfig, { flags: ["--drain=1m"] });
    replicas.push(...(await Promise.all([draining, startReplica(kubeconfig)])));
    await routeToReady();
  }, 180_000);
  afterAll(async () => {
    for (const { child } of replicas) child.kill("SIGKILL");
    service.close();
    await client.close();
    await api.stop();
  });

  /** The part of kubelet and endpoint controller: endpoints are who is ready. */
  const routeToReady = async (): Promise<void> => {
    await eventually(() => Promise.all(replicas.map(requireReady)));
    service.route(replicas.map(({ port }) => port));
  };

  const configuration = () => client.get<Configuration>(CONFIGURATIONS, NAME);
  /** Of every webhook of both configurations, the validating one first. */
  const bundles = async (): Promise<string[]> =>
    [await configuration(), await client.get<Configuration>(MUTATING, NAME)]
      .flatMap(({ webhooks }) => webhooks)
      .map(({ clientConfig }) => Buffer.from(clientConfig.caBundle ?? "", "base64").toString());
  const counts = async (): Promise<number[]> => [...new Set((await bundles()).map(casIn))];
  const casIn = (bundle = ""): number => bundle.split("BEGIN CERTIFICATE").length - 1;
  const issuers = async (): Promise<string[]> => {
    const [ca = ""] = await bundles();
    return Promise.all(replicas.map(({ port }) => issuerServed(port, ca)));
  };
  const yaml = (kind: string, name: string, spec: object): string =>
    JSON.stringify({
      apiVersion: "devices.kubeedge.io/v1beta1",
      kind,
      metadata: { name, namespace: "default" },
      spec,
    });
  const interval = (value: string, more: object = {}) => ({
    deviceModelRef: { name: "thermometer" },
    properties: [{ name: "interval", desired: { value } }],
    ...more,
  });
  const apply = (text: string): Promise<string> => kubectl(["apply", "-f", "-"], text);
  const setPolicy = async (failurePolicy: "Fail" | "Ignore"): Promise<void> => {
    const body = [0, 1].map((index) => ({
      op: "replace",
      path: `/webhooks/${index}/failurePolicy`,
      value: failurePolicy,
    }));
    await client.patch(CONFIGURATIONS, NAME, { type: "json", body });
    await sleep(1_000); // the API server has no sign of having taken it
  };

  it("agree, two at once, on one CA, with the rights of their account alone", async () => {
    const [one, two] = await issuers();
    expect(one).toBe(two);
    expect((await bundles()).length).toBeGreaterThanOrEqual(8);
    expect(await counts()).toEqual([1]);
  });

  it("A15 refuse and admit through kubectl, with the sentence and the field", async () => {
    const early = await apply(yaml("Device", "early", interval("5")));
    expect(early).toContain("created");
    await apply(
      yaml("DeviceModel", "thermometer", {
        properties: [
          { name: "temperature", type: "INT", accessMode: "ReadOnly" },
          { name: "interval", type: "INT", accessMode: "ReadWrite", minimum: "1", maximum: "100" },
        ],
      }),
    );
    await apply(yaml("Device", "fits", interval("100")));
    await expect(apply(yaml("Device", "over", interval("500")))).rejects.toThrow(
      'spec.properties[0].desired.value: "500" is over the maximum 100',
    );
    await expect(
      apply(
        yaml("Device", "twice", {
          deviceModelRef: { name: "thermometer" },
          properties: [{ name: "temperature" }, { name: "temperature" }],
        }),
      ),
    ).rejects.toThrow("property names must be unique.");
    await expect(apply(yaml("Device", "fits", interval("0")))).rejects.toThrow("under the minimum 1");
  });

  it("A15 show a warning for a model that is not there, and for devices that a changed model leaves behind", async () => {
    // kubectl prints warnings on stderr only; the API server sends them as headers
    const warnings = async (path: string, method: string, body: string): Promise<string> => {
      const dispatcher = new Agent({ connect: { ca: api.ca } });
      const answer = await request(`${api.url}${path}`, {
        method: method as "POST",
        headers: {
          authorization: `Bearer ${api.token}`,
          "content-type": method === "POST" ? "application/json" : "application/merge-patch+json",
        },
        body,
        dispatcher,
      });
      await answer.body.dump();
      await dispatcher.close();
      return String(answer.headers["warning"]);
    };
    const base = "/apis/devices.kubeedge.io/v1beta1/namespaces/default";
    const orphan = yaml("Device", "orphan", { deviceModelRef: { name: "nowhere" } });
    expect(await warnings(`${base}/devices`, "POST", orphan)).toContain("no such DeviceModel");
    const narrower = JSON.stringify({
      spec: { properties: [{ name: "interval", type: "INT", minimum: "1", maximum: "50" }] },
    });
    expect(await warnings(`${base}/devicemodels/thermometer`, "PATCH", narrower)).toContain(
      "devices that no longer fit this model: fits",
    );
  });

  it("never refuse labels, status and finalizers of a Device that no longer fits, nor its deletion", async () => {
    await setPolicy("Fail");
    await kubectl(["label", "device", "fits", "still=works"]);
    await kubectl(["patch", "device", "fits", "--type=merge", "-p", '{"status":{"state":"online"}}']);
    await kubectl(["patch", "device", "fits", "--type=merge", "-p", '{"metadata":{"finalizers":["a.b/c"]}}']);
    await sleep(1_100); // as long as a model is remembered
    await expect(apply(yaml("Device", "fits", interval("100", { nodeName: "n" })))).rejects.toThrow(
      "over the maximum 50",
    );
    await kubectl(["delete", "device", "fits", "--wait=false"]);
    await kubectl(["patch", "device", "fits", "--type=merge", "-p", '{"metadata":{"finalizers":null}}']);
    await expect(kubectl(["get", "device", "fits"])).rejects.toThrow("not found");
  });

  it("judge v1alpha2 by the names of its properties", async () => {
    const old = (...names: string[]): string =>
      JSON.stringify({
        apiVersion: "devices.kubeedge.io/v1alpha2",
        kind: "DeviceModel",
        metadata: { name: "old", namespace: "default" },
        spec: { properties: names.map((name) => ({ name })) },
      });
    await expect(apply(old("a", "a"))).rejects.toThrow("property names must be unique.");
    expect(await apply(old("a", "b"))).toContain("created");
  });

  it("A37 rotate their CA under load without one failed call", async () => {
    await setPolicy("Fail");
    const before = await issuers();
    const failures: string[] = [];
    let calls = 0;
    let isOver = false;
    const create = async (worker: number): Promise<void> => {
      for (let count = 0; !isOver; count++) {
        const device = JSON.parse(yaml("Device", `load-${worker}-${count}`, interval("5"))) as object;
        try {
          await client.create(kinds.Device, device, { dryRun: count % 2 === 0 });
        } catch (error) {
          failures.push(String(error));
        }
        calls++;
      }
    };
    const createPod = async (): Promise<void> => {
      while (!isOver) {
        try {
          const made = await client.create<PodObject>(PODS, autonomous, { dryRun: true });
          if (!made.spec.tolerations?.some(isForEver)) failures.push("a pod was not changed");
        } catch (error) {
          failures.push(String(error));
        }
        calls++;
      }
    };
    const connectAnew = async (): Promise<void> => {
      while (!isOver) {
        await sleep(20);
        await issuers().catch((error: unknown) => failures.push(`TLS: ${String(error)}`));
        calls++;
      }
    };
    const load = [create(0), create(1), createPod(), connectAnew()];
    try {
      await kubectl(["-n", "kubeedge", "annotate", "secret", SECRET.name, "longshore.io/rotate=now"]);
      await eventually(async () => expect(await counts()).toEqual([2]));
      await eventually(async () => {
        const now = await issuers();
        expect(now.filter((issuer) => before.includes(issuer))).toEqual([]);
      });
      await eventually(async () => expect(await counts()).toEqual([1]));
      await sleep(500); // calls that trust the new CA alone
    } finally {
      isOver = true;
      await Promise.all(load);
    }
    expect(failures).toEqual([]);
    expect(calls).toBeGreaterThan(50);
    process.stdout.write(`    ${calls} calls during the rotation, 0 failed\n`);
  });

  it("heal a wiped caBundle and a deleted Secret within seconds, with the same CA", async () => {
    const [before] = await issuers();
    const [bundle] = await bundles();
    await client.patch(CONFIGURATIONS, NAME, {
      type: "json",
      body: [{ op: "remove", path: "/webhooks/0/clientConfig/caBundle" }],
    });
    await client.delete(SECRETS, SECRET);
    await eventually(async () => {
      expect([...new Set(await bundles())]).toEqual([bundle]);
      await client.get(SECRETS, SECRET);
    });
    expect(await issuers()).toEqual([before, before]);
    await setPolicy("Fail");
    expect(await apply(yaml("Device", "healed", interval("5")))).toContain("created");
  });

  const setTimeouts = async (timeoutSeconds: number): Promise<void> => {
    const { webhooks } = await configuration();
    const body = webhooks.map((_, index) => ({
      ...{ op: "replace", path: `/webhooks/${index}/timeoutSeconds` },
      value: timeoutSeconds,
    }));
    await client.patch(CONFIGURATIONS, NAME, { type: "json", body });
    await sleep(1_000); // the API server has no sign of having taken it
  };
  const CLIENTS = 8;
  const both = replicas as [Replica, Replica];
  const tell = (fault: string, tally: Tally, how: string): void => {
    const devices = tally.taken["Device"] ?? 0;
    const counts = `${tally.calls} calls, ${tally.failures.length} failed, ${devices} bad devices admitted`;
    process.stdout.write(`    ${fault}: ${counts}; ${how}\n`);
  };
  const replace = async (index: 0 | 1): Promise<void> => {
    both[index].child.kill("SIGKILL");
    both[index] = await startReplica(kubeconfig);
    await routeToReady();
  };

  it("R30 one that is told to stop loses no call, also while its endpoint is still there", async () => {
    await setPolicy("Ignore");
    await setTimeouts(30); // on a busy machine the other may take its time
    const [leaving, left] = both;
    const tally = await underLoad(client, CLIENTS, async () => {
      leaving.child.kill("SIGTERM");
      await eventually(() => expect(requireReady(leaving)).rejects.toThrow("stopping"));
      await sleep(500); // kubelet, endpoint controller and kube-proxy do their part
      service.route([left.port]);
      await sleep(500);
    });
    tell("told to stop", tally, "its endpoint stayed for over 0.5 s");
    expect(tally).toMatchObject({ failures: [], taken: {} });
    await replace(0);
  });

  it("R30 one killed with -9 costs at most a call for each connection that it had and was still given", async () => {
    const [left, killed] = both; // which most connections lead to by now
    let lost = 0;
    const tally = await underLoad(client, CLIENTS, async () => {
      lost = service.openTo(killed.port) - service.givenTo(killed.port);
      killed.child.kill("SIGKILL");
      await sleep(1_500);
      service.route([left.port]);
    });
    lost += service.givenTo(killed.port);
    tell("killed", tally, `${lost} connections lost or refused`);
    expect(tally.taken["NodeUpgradeJob"]).toBeUndefined();
    expect(unjudged(tally)).toBeLessThanOrEqual(lost);
    const after = await underLoad(client, CLIENTS, () => Promise.resolve());
    expect(after).toMatchObject({ failures: [], taken: {} });
    await replace(1);
  });

  it("R30 one that hangs is given no calls within seconds, and nothing slips by that must not", async () => {
    await setTimeouts(3);
    const [hung, left] = both;
    let seconds = 0;
    const tally = await underLoad(client, CLIENTS, async () => {
      const startMs = performance.now();
      hung.child.kill("SIGSTOP");
      await untilUnready(hung);
      service.route([left.port]);
      seconds = (performance.now() - startMs) / 1_000;
    });
    tell("hung", tally, `not called any more after ${seconds.toFixed(1)} s`);
    expect(tally.taken["NodeUpgradeJob"]).toBeUndefined();
    hung.child.kill("SIGCONT");
    await routeToReady();
  });

  it("R30 leave devices alone when they are gone, and stop without losing a call when they are told to", async () => {
    await setPolicy("Ignore");
    const [first, second] = replicas;
    for (const replica of [first, second]) {
      replica?.child.kill("SIGTERM");
      await eventually(() => {
        expect(replica?.child.exitCode).toBe(0);
      });
    }
    // An API server that has not taken the policy yet refuses it.
    await eventually(() => apply(yaml("Device", "unjudged", interval("500"))));
  });
});
