// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { ensureControlPlane } from "./control-plane/build.ts";
import { startEnvironment } from "./cluster/environment.ts";
import { createKubectl, type Kubectl } from "./cluster/kubectl.ts";
import type { DeviceStatusObject, ListOf, PodObject } from "./cluster/objects.ts";
import { layoutOf } from "./cluster/layout.ts";
import { machineAddress } from "./cluster/machine.ts";
import { script } from "./fault.ts";
import { ensureMetricsServer } from "./metrics-server/build.ts";
import { ensurePrerequisites, folderOf, requireRoot } from "./prerequisites.ts";
import { createSteps, type Say, type Steps } from "./steps.ts";
import { waitFor } from "./wait.ts";

const KUBEEDGE_PORTS = { tunnel: 10_000, join: 10_002, stream: 10_003, edgeStream: 10_004 };
const NODE_GRACE_SECONDS = 50;

await script(async () => {
  requireRoot("make up");
  const layout = layoutOf("");
  const steps = createSteps();
  const kubeconfig = process.env["KUBECONFIG"] || undefined;
  if (kubeconfig !== undefined) {
    process.stdout.write(
      `! KUBECONFIG is set: CRDs, roles and a sample go into the cluster of ${kubeconfig}\n` +
        `! kubectl logs, exec and the like need its API server to reach this machine, ${machineAddress() ?? "which has no address"}, at the stream port that is told below\n`,
    );
  }
  await steps.run("Check what this machine has", (say) => ensurePrerequisites(say));
  const bin =
    kubeconfig === undefined
      ? await steps.run("Get the control plane", (say) => ensureControlPlane(say))
      : await steps.run("Get kubectl", (say) => folderOf("kubectl") ?? ensureControlPlane(say, ["kubectl"]));
  const options = {
    ...{ bin, kubeconfig, nodeGraceSeconds: NODE_GRACE_SECONDS, hubPorts: KUBEEDGE_PORTS },
    withMapper: true,
    metricsServer: await metricsServer(kubeconfig, steps),
  };
  const state = await startEnvironment(layout, steps, options);
  const kubectl = createKubectl({ command: state.kubectl, kubeconfig: layout.kubeconfig });
  await steps.run("Run a Deployment on the edge node", (say) => runSample(kubectl, say));
  // Another cluster's API server may not reach this machine: nothing else depends on that.
  if (kubeconfig === undefined)
    await steps.run("Reach into it with kubectl exec", (say) => reachIntoSample(kubectl, say));
  const twins = await steps.run("Run a device on the edge node", (say) => runDevice(kubectl, say));
  const seen = await kubectl.run("get", "nodes,pods", "-o", "wide");
  const near = (path: string): string => relative(process.cwd(), path);
  process.stdout.write(`
${seen}
The twin of the device, twice:
${twins}
${steps.table()}

Try next:
  export KUBECONFIG=$PWD/${near(layout.kubeconfig)} PATH=$PWD/${near(join(layout.dir, "bin"))}:$PATH
  kubectl get pods -o wide --watch
  kubectl scale deployment hello --replicas=3
  kubectl exec -it deployment/hello -- sh     # logs, attach, port-forward and cp work too: docs/streams.md
  kubectl get longshore -A
  curl http://$(kubectl get pod -l app=hello -o jsonpath='{.items[0].status.podIP}'):8080
  kubectl get devicestatus room -o jsonpath='{.status.twins}'
  kubectl edit device room     # another desired value of target: the temperature follows
  make stop PART=hub     # and make start PART=hub: see docs/tutorial.md
  make down
Logs are in ${near(layout.logs)}.
`);
});

/** `make up METRICS=1`: for kubectl top, in a cluster that brings none. */
async function metricsServer(kubeconfig: string | undefined, steps: Steps): Promise<string | undefined> {
  if (kubeconfig !== undefined || !process.env["METRICS"]) return undefined;
  return steps.run("Get metrics-server", (say) => ensureMetricsServer(say));
}

async function runSample(kubectl: Kubectl, say: Say): Promise<void> {
  await kubectl.apply(readFileSync(join(layoutOf("").root, "config/samples/hello.yaml"), "utf8"));
  let told = "";
  await waitFor(
    async () => {
      const { items } = await kubectl.json<ListOf<PodObject>>("get", "pods", "-l", "app=hello");
      const now = items
        .map(
          (pod) => `pod ${pod.metadata.name}: ${pod.status.phase} on ${pod.spec.nodeName ?? "no node yet"}`,
        )
        .join(", ");
      if (now !== told && now !== "") say(now);
      told = now;
      return items.some((pod) => pod.status.phase === "Running");
    },
    {
      what: "the pod to run",
      timeoutMs: 60_000,
      intervalMs: 200,
      advice: "kubectl describe pod -l app=hello, and the logs in .run/logs",
    },
  );
}

async function reachIntoSample(kubectl: Kubectl, say: Say): Promise<void> {
  const page = await waitFor(() => kubectl.run("exec", "deployment/hello", "--", "cat", "/www/index.html"), {
    what: "kubectl exec to reach the pod",
    timeoutMs: 30_000,
    advice:
      "kubectl get node -o yaml: its first address is the hub's; and the logs of hub and agent in .run/logs",
  });
  say(`its page: ${page.trim()}`);
}

/** The sample device, until two different readings have arrived in the cluster. */
async function runDevice(kubectl: Kubectl, say: Say): Promise<string> {
  await kubectl.apply(readFileSync(join(layoutOf("").root, "config/samples/thermometer.yaml"), "utf8"));
  const readings: string[] = [];
  await waitFor(
    async () => {
      const found = await kubectl.find<DeviceStatusObject>("devicestatus", "room");
      const twin = found?.status?.twins?.find(({ propertyName }) => propertyName === "temperature");
      const value = twin?.reported?.value ?? "";
      if (value !== "" && value !== readings.at(-1)) {
        readings.push(value);
        say(`temperature of the room: ${value}`);
      }
      return readings.length >= 2;
    },
    {
      what: "two readings of the device",
      timeoutMs: 60_000,
      intervalMs: 500,
      advice: "kubectl get device,devicestatus -o yaml, and the logs of mapper, agent and hub in .run/logs",
    },
  );
  return readings.map((value) => `  room  temperature  ${value}`).join("\n") + "\n";
}
