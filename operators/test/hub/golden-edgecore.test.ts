// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Frame } from "@longshore/crds/wire";
import { readFileSync } from "node:fs";
import { Registry } from "prom-client";
import { createSessionGrants } from "../../src/hub/auth/grants.ts";
import { systemClock } from "../../src/hub/clock.ts";
import { createUplinkHandlers } from "../../src/hub/uplink/index.ts";
import { isPush, type Edge } from "./support/edge.ts";
import { FakeClient, gen } from "./support/fake-client.ts";
import { createRig, eventually, type Rig } from "./support/rig.ts";

interface Line {
  readonly dir: string;
  readonly msg: Frame;
}

const NODE = "edge-node";
const REGISTRATION = `null/node/${NODE}`;
/** Longer than a turn of the loop, so that a second frame of a key would overtake the acknowledgement of the first. */
const DISK_MS = 3;

/** A recording between a real EdgeCore and a real CloudCore. */
const golden = (name: string): Line[] =>
  readFileSync(new URL(`../../../crds/test/golden/${name}.jsonl`, import.meta.url), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line)
    .filter(({ dir }) => dir === "up" || dir === "down");

/** What EdgeCore says by itself; its acknowledgements are made anew, for the frames that our hub sends. */
const saidBy = (lines: readonly Line[]): Frame[] =>
  lines.filter(({ dir, msg }) => dir === "up" && msg.route.operation !== "response").map(({ msg }) => msg);

/** Ids of the frames that CloudCore answered. */
const answeredByCloudCore = (lines: readonly Line[]): string[] =>
  lines.flatMap(({ dir, msg }) => (dir === "down" ? (msg.header.parent_msg_id ?? []) : []));

const uidOf = (name: string): string => {
  const bodies = golden("pod_create").concat(golden("secret_pod"));
  const pod = bodies.find(({ msg }) => isPush(msg) && msg.route.resource === `default/pod/${name}`);
  return (pod?.msg.content as { metadata: { uid: string } }).metadata.uid;
};

/** EdgeCore at the other end of a TLS WebSocket: acknowledges pushes and answers as slowly as its disk. */
class EdgeCore {
  readonly edge: Edge;
  /** Keys that were sent again before the frame before was acknowledged. */
  readonly overtaken: string[] = [];
  readonly #inFlight = new Set<string>();

  constructor(edge: Edge) {
    this.edge = edge;
    edge.onFrame = (frame) => this.#on(frame);
    for (const frame of edge.frames) this.#on(frame);
  }

  get quiet(): boolean {
    return this.#inFlight.size === 0;
  }

  #on(frame: Frame): void {
    const key = frame.route.resource ?? "";
    if (!isPush(frame)) {
      if (frame.route.operation === "response") this.edge.ok(frame); // EdgeCore acknowledges answers too
      return;
    }
    if (this.#inFlight.has(key)) this.overtaken.push(key);
    this.#inFlight.add(key);
    setTimeout(() => {
      this.#inFlight.delete(key);
      this.edge.ok(frame);
    }, DISK_MS);
  }

  async say(frames: readonly Frame[]): Promise<void> {
    for (const frame of frames) this.edge.ws.send(`${JSON.stringify(frame)}\n`);
    await Promise.resolve();
  }
}

let rig: Rig;
let core: EdgeCore;

beforeEach(async () => {
  const api = new FakeClient();
  const client = api.asClient();
  const quiet = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: () => undefined,
  };
  const clock = { ...systemClock, schedule: () => () => undefined };
  rig = await createRig({
    api,
    uplinkHandlers: createUplinkHandlers({ client, log: quiet, registry: new Registry() }),
    createGrants: (node) => createSessionGrants({ client, node, clock }),
  });
  api.put("nodes", gen.object("Node", NODE, { resourceVersion: "363", status: { capacity: { cpu: "2" } } }));
  for (const name of ["p1", "p2"]) {
    const spec = { nodeName: NODE, containers: [], serviceAccountName: "default" };
    api.put("pods", gen.object("Pod", name, { namespace: "default", uid: uidOf(name), spec }));
  }
  const edge = await rig.edge(NODE);
  await edge.opened;
  core = new EdgeCore(edge);
});
afterEach(() => rig.stop());

/** The Node that goes out at connect is acknowledged. */
async function settled(): Promise<void> {
  await core.edge.push(REGISTRATION);
  await eventually(() => core.quiet);
}

describe("a real EdgeCore would be served: its recorded frames over TLS, through the real handlers", () => {
  it("the Node is pushed in full right after the 409 on its registration", async () => {
    await settled();
    const registration = saidBy(golden("first_join")).find(({ route }) => route.operation === "insert")!;
    await core.say([registration]);
    const { frames } = core.edge;
    const isAnswer = (frame: Frame): boolean => frame.header.parent_msg_id === registration.header.msg_id;
    await core.edge.frame(isAnswer);
    const at = frames.findIndex(isAnswer);
    await core.edge.until(() => frames.length > at + 1);
    expect(frames[at]?.content).toMatchObject({ Err: { ErrStatus: { code: 409, reason: "AlreadyExists" } } });
    expect(frames[at + 1]?.route).toMatchObject({ operation: "update", resource: REGISTRATION });
    expect(frames[at + 1]?.content).toMatchObject({
      ...{ kind: "Node", apiVersion: "v1", status: { capacity: { cpu: "2" } } },
      metadata: { name: NODE, uid: `uid-${NODE}` },
    });
  });

  it("every frame that CloudCore answered is answered once under its id, and pushes name no parent", async () => {
    await settled();
    const names = ["first_join", "pod_create", "secret_pod", "pod_update", "pod_delete", "idle_60s"];
    const asked: string[] = [];
    for (const name of names) {
      const lines = golden(name);
      const said = saidBy(lines);
      const ids = new Set(answeredByCloudCore(lines));
      await core.say(said);
      asked.push(...said.map(({ header }) => header.msg_id).filter((id) => ids.has(id)));
    }
    expect(asked.length).toBeGreaterThan(20);
    const parents = (): (string | undefined)[] =>
      core.edge.frames.filter((frame) => !isPush(frame)).map(({ header }) => header.parent_msg_id);
    await core.edge.until(() => asked.every((id) => parents().includes(id)));
    expect(parents().toSorted()).toEqual(asked.toSorted());
    for (const push of core.edge.pushes()) expect(push.route.source).toBe("edgecontroller");
    expect(core.edge.ws.readyState).toBe(core.edge.ws.OPEN);
  });

  it("no two frames of one key are in flight, however often the object changes meanwhile", async () => {
    await settled();
    const said = [...saidBy(golden("first_join")), ...saidBy(golden("pod_create"))];
    const uid = uidOf("p1");
    for (const [index, frame] of said.entries()) {
      const resourceVersion = String(2000 + index);
      rig.client.put(
        "pods",
        gen.object("Pod", "p1", { namespace: "default", uid, resourceVersion, spec: { nodeName: NODE } }),
      );
      rig.mailbox.want(NODE, { kind: "pod", namespace: "default", name: "p1", uid, resourceVersion });
      await core.say([frame]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const newest = String(2000 + said.length - 1);
    await eventually(() => rig.mailbox.box(NODE).want.size === 0);
    const versions = core.edge
      .pushes()
      .filter(({ route }) => route.resource === "default/pod/p1")
      .map(({ header }) => Number(header.resourceversion));
    expect(core.overtaken).toEqual([]);
    expect(versions.length).toBeGreaterThan(1);
    expect(versions.at(-1)).toBeGreaterThanOrEqual(Number(newest));
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
  });
});
