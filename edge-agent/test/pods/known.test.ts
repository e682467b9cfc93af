// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { createKnownPods } from "../../src/pods/index.ts";
import { podList } from "../../src/streams/pod-list.ts";
import { MemoryStore, podOf } from "./fakes.ts";

function make() {
  const store = new MemoryStore();
  const spec = { containers: [{ name: "c", image: "i" }] };
  store.put("pod", podOf("seen", spec));
  store.put("pod", podOf("new", spec));
  const status = { phase: "Running", conditions: [] } as const;
  return createKnownPods(store, (uid) => (uid === "uid-seen" ? status : undefined));
}

describe("the pods that this node knows", () => {
  it("have the status that the node sees, and that of the API before it has looked", () => {
    const pods = make();
    expect(pods.get("default", "seen")?.status).toMatchObject({ phase: "Running", qosClass: "BestEffort" });
    expect(pods.get("default", "new")?.status).toMatchObject({ phase: "Pending" });
    expect(pods.get("other", "seen")).toBeUndefined();
  });
  it("are told as a kubelet tells them", () => {
    const list = JSON.parse(JSON.stringify(podList(make()))) as { items: object[] };
    expect(list).toMatchObject({ apiVersion: "v1", kind: "PodList", metadata: {} });
    expect(list.items).toMatchObject([
      { metadata: { name: "seen", uid: "uid-seen" }, spec: {}, status: { phase: "Running" } },
      { metadata: { name: "new" }, status: { phase: "Pending" } },
    ]);
  });
});
