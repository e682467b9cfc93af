// SPDX-License-Identifier: Apache-2.0
// Measures orders and reports of one job over many nodes against a real API server:
//   node --conditions=source operators/test/hub/task-bench.ts [nodes]
import { kinds } from "@longshore/crds/kinds";
import { orderDigest } from "@longshore/crds/tasks";
import { decodeFrame } from "@longshore/crds/wire";
import { Limiter } from "../../src/hub/limiter.ts";
import { catalog } from "../../src/hub/send/catalog.ts";
import { framePush, ObjectReader } from "../../src/hub/send/index.ts";
import { Window } from "../../src/hub/send/window.ts";
import type { UplinkSession } from "../../src/hub/uplink/index.ts";
import { createClient, loadKubeConfig, systemClock, type KubeObject } from "../../src/runtime/index.ts";
import { startApiServer } from "../apiserver.ts";
import { installCrds } from "../crds.ts";
import { eventually } from "../runtime/eventually.ts";
import { want } from "./support/want.ts";
import { uplinkBench } from "./uplink/bench.ts";

const nodes = Number(process.argv[2] ?? 1_000);
const names = Array.from({ length: nodes }, (_, i) => `edge-node-${i}`);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const api = await startApiServer();
const client = createClient({ kubeConfig: loadKubeConfig(api.kubeconfig), userAgent: "bench" });
await installCrds(client);

async function measure(what: string, times: number, run: () => Promise<void>): Promise<void> {
  const startMs = performance.now();
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  const cpuMs = (user + system) / 1_000;
  say(
    `${what}: ${times} in ${((performance.now() - startMs) / 1_000).toFixed(1)} s, ${(cpuMs / times).toFixed(3)} ms CPU each`,
  );
}

const template = { images: ["busybox:1"], nodeNames: names, concurrency: 100 };
let job = await client.create<KubeObject & { spec: object }>(kinds.ImagePrePullJob, {
  metadata: { name: "bench" },
  spec: { imagePrePullTemplate: template },
});
const { uid } = job.metadata;

let gets = 0;
const counting = {
  ...client,
  get: (...args: Parameters<typeof client.get>) => {
    gets += 1;
    return client.get(...args);
  },
};
const reader = new ObjectReader({
  client: counting as typeof client,
  catalog,
  limiter: new Limiter(64),
  cacheBytes: 64 << 20,
  observeRevision: () => Promise.resolve(),
});
for (const kind of ["imageprepulljob", "prepull"]) {
  gets = 0;
  let orderMs = 0;
  for (let at = 0; at < nodes; at += 100) {
    const nodeStatus = names.map((nodeName, i) => ({
      ...{ nodeName, phase: i < at + 100 ? "InProgress" : "Pending", attempt: 1, reason: "r".repeat(100) },
    }));
    const status = { phase: "InProgress", nodeStatus };
    job = await client.update(kinds.ImagePrePullJob, { ...job, status }, { subresource: "status" });
    const { resourceVersion } = job.metadata;
    const digest = orderDigest(job, kind === "prepull" ? "Init" : "");
    const before = process.cpuUsage();
    await Promise.all(
      names.slice(at, at + 100).map(async (node) => {
        const wanted = want({ kind, namespace: "", name: "bench", uid, resourceVersion, digest });
        const what = await reader.read(wanted);
        if (typeof what === "symbol") throw new Error("gone");
        const slot = new Window({ frames: 1, bytes: 1 }).reserve(wanted, 0);
        const newId = (): string => crypto.randomUUID();
        framePush(
          { slot, what, node, negotiated: true },
          { catalog, reader, clock: { wallMs: Date.now }, newId },
        );
      }),
    );
    const { user, system } = process.cpuUsage(before);
    orderMs += (user + system) / 1_000;
  }
  say(`orders as ${kind}: ${nodes}, ${gets} GETs, ${(orderMs / nodes).toFixed(3)} ms CPU each`);
}

const bench = uplinkBench({ negotiated: true, api: client, clock: systemClock });
const tell = async (actions: readonly string[]): Promise<void> => {
  const answered = bench.sent.length;
  await Promise.all(
    names.map(async (node) => {
      const session: UplinkSession = { ...bench.session, node };
      const resource = `operations.kubeedge.io/v1alpha2/imageprepulljob/bench/node/${node}`;
      const content = {
        ...{ action: actions.at(-1), succ: true, finishTime: "2026-11-21T20:00:00Z", reason: "", extend: "" },
        ...{ uid, attempt: 1, actions: actions.map((action) => ({ action, status: "True" })) },
        images: [{ image: "busybox:1", status: "True" }],
      };
      const text = JSON.stringify(bench.frame("UpdateNodeActionStatus", resource, content));
      await bench.handle(decodeFrame(Buffer.from(text)), session);
    }),
  );
  await eventually(() => {
    if (bench.sent.length < answered + nodes) throw new Error(`${bench.sent.length - answered} answered`);
  }, 120_000);
};
await measure("first reports", nodes, () => tell(["Check"]));
await measure("later reports", nodes, () => tell(["Check", "Pull"]));
say(`refused: ${bench.sent.filter(({ content }) => content !== "OK").length}`);
await client.close();
await api.stop();
