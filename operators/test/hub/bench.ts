// SPDX-License-Identifier: Apache-2.0
// Measures the hub with its mailbox and API server at the port: node --conditions=source operators/test/hub/bench.ts
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { gen } from "./support/fake-client.ts";
import type { Identity } from "./support/pki.ts";
import { createRig } from "./support/rig.ts";

const edges = Number(process.argv[2] ?? 200);
const rounds = Number(process.argv[3] ?? 20);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const rig = await createRig({
  options: { admissionPerSecond: 10_000, admissionBurst: 10_000, sweepMs: 250, windowFrames: 64 },
});
// Made first, for they are no cost of the hub.
const identities: Identity[] = [];
for (let e = 0; e < edges; e += 1) identities.push(await rig.ca.edge(`n${e}`));
globalThis.gc?.();
const before = process.memoryUsage();
const child = fork(new URL("./bench-edges.ts", import.meta.url), {
  env: { ...process.env, BENCH: JSON.stringify({ port: rig.hub.tunnelPort, edges, ca: rig.ca.cert }) },
  execArgv: ["--conditions=source"],
  serialization: "json",
});
child.on("message", (message) => {
  const { issue } = message as { issue?: string };
  if (issue !== undefined) child.send({ node: issue, identity: identities[Number(issue.slice(1))] });
});
while (rig.hub.connectedSessions < edges) await sleep(50);
await sleep(2_000);
globalThis.gc?.();
await sleep(200);
const idle = process.memoryUsage();
const kib = (now: number, then: number): string => `${((now - then) / 1024 / edges).toFixed(1)} KiB`;
say(
  `${edges} connections: rss ${(idle.rss / 2 ** 20) | 0} MiB (bound ${(120 + (75 * edges) / 1024) | 0}), each rss ${kib(idle.rss, before.rss)}, heap ${kib(idle.heapUsed, before.heapUsed)}, external ${kib(idle.external, before.external)}`,
);

const body = {
  spec: {
    containers: [
      {
        image: "busybox",
        env: Array.from({ length: 20 }, (_, i) => ({ name: `E${i}`, value: "x".repeat(80) })),
      },
    ],
  },
};
const acked = (): number => rig.mailbox.ackLog.length;

async function measure(name: string, make: (round: number, node: string) => void): Promise<void> {
  rig.mailbox.ackLog.length = 0;
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  for (let round = 0; round < rounds; round += 1) {
    for (let e = 0; e < edges; e += 1) make(round, `n${e}`);
    while (acked() < (round + 1) * edges) await sleep(1);
  }
  const { user, system } = process.cpuUsage(cpu);
  const total = rounds * edges;
  const perCpuSecond = total / ((user + system) / 1e6);
  say(
    `${name}: ${total} messages, ${((total / (performance.now() - startMs)) * 1000) | 0}/s, ${perCpuSecond | 0} a CPU-second`,
  );
}

await measure("unique", (round, node) => {
  const resourceVersion = String(round + 1);
  rig.client.put("pods", gen.object("Pod", `p-${node}`, { namespace: "default", resourceVersion, ...body }));
  rig.mailbox.want(node, { kind: "pod", namespace: "default", name: `p-${node}`, resourceVersion });
});
await measure("fan-out", (round, node) => {
  const resourceVersion = String(round + 1);
  rig.client.put(
    "configmaps",
    gen.object("ConfigMap", "hot", { namespace: "default", resourceVersion, ...body }),
  );
  rig.mailbox.want(node, { kind: "configmap", namespace: "default", name: "hot", resourceVersion });
});
child.kill();
await once(child, "exit");
await rig.stop();
process.exit(0);
