// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { trimObject as trimNode } from "../../src/placement/index.ts";
import { trimMetadata, trimPod } from "../../src/workload/transform.ts";
import { object, pod } from "./builders.ts";

const base = pod("web", "edge-1", { configMaps: ["settings"], secrets: ["key"] });
const withMeta = (fields: object) => ({ ...base, metadata: { ...base.metadata, ...fields } });

describe("trimPod", () => {
  it("keeps where the pod is bound and what it refers to, and drops the rest", () => {
    expect(trimPod(base)).toEqual({
      metadata: { name: "web", namespace: "ns", uid: "uid-web", resourceVersion: "1" },
      digest: expect.any(String),
      nodeName: "edge-1",
      configMaps: ["settings"],
      secrets: ["key"],
    });
  });

  it("stays below half a kilobyte", () => {
    expect(JSON.stringify(trimPod(base)).length).toBeLessThan(512);
  });

  it.each([
    { when: "its status changed", now: { ...base, status: { phase: "Running" } }, same: true },
    {
      when: "only its version rose",
      now: withMeta({ resourceVersion: "2", managedFields: [{}] }),
      same: true,
    },
    {
      when: "its deletion was asked for",
      now: withMeta({ deletionTimestamp: "2026-01-01T00:00:00Z" }),
      same: false,
    },
    { when: "a label changed", now: withMeta({ labels: { a: "b" } }), same: false },
    { when: "an image changed", now: { ...base, spec: { ...base.spec, containers: [] } }, same: false },
  ])("has the same digest: $same, when $when", ({ now, same }) => {
    expect(trimPod(now).digest === trimPod(base).digest).toBe(same);
  });

  it("bears a pod that is not bound", () => {
    expect(trimPod(object("p", "ns")).nodeName).toBe("");
  });
});

describe("trimNode", () => {
  it("does not see heartbeats", () => {
    const node = { ...object("edge-1"), status: { conditions: [{ lastHeartbeatTime: "1" }] } };
    const later = {
      ...object("edge-1", undefined, "2"),
      status: { conditions: [{ lastHeartbeatTime: "2" }] },
    };
    expect(trimNode(later).digest).toBe(trimNode(node).digest);
  });
});

describe("trimMetadata", () => {
  it("goes by the version, for the content is not known", () => {
    const digests = [object("c", "ns", "1"), object("c", "ns", "2"), object("c", "ns", "1")].map(
      (o) => trimMetadata(o).digest,
    );
    expect(digests[0]).toBe(digests[2]);
    expect(digests[0]).not.toBe(digests[1]);
  });

  it("keeps no data, whatever it is given", () => {
    expect(
      JSON.stringify(trimMetadata({ ...object("s", "ns"), data: { key: "hush" } } as never)),
    ).not.toContain("hush");
  });
});
