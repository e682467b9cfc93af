// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { decodeFrame, encodeFrame, newFrame, replyTo } from "@longshore/crds/wire";
import { ackMany, keyOfResource, marker, ok, readPush } from "../../bench/edges/dialect.ts";

const push = newFrame({
  ...{ source: "edgecontroller", group: "resource", operation: "update", resource: "default/configmap/a" },
  ...{ resourceVersion: "12", digest: "d", content: { metadata: { uid: "u" }, data: { round: marker(7) } } },
});

describe("a simulated edge", () => {
  it("reads of a push what it acknowledges and what the bench marked it with", () => {
    expect(readPush(encodeFrame(push))).toEqual({
      ...{ id: push.header.msg_id, group: "resource", operation: "update", resource: "default/configmap/a" },
      ...{ resourceVersion: "12", digest: "d", uid: "u", round: 7 },
    });
  });

  it("acknowledges no answer to a request", () => {
    expect(readPush(encodeFrame(replyTo(push, { content: "OK" })))).toBeUndefined();
  });

  it("acknowledges in KubeEdge's way with the push as parent", () => {
    const frame = decodeFrame(Buffer.from(ok(readPush(encodeFrame(push))!)));
    expect(frame.header.parent_msg_id).toBe(push.header.msg_id);
    expect([frame.route.operation, frame.content]).toEqual(["response", "OK"]);
  });

  it("acknowledges many pushes in one frame where that was negotiated", () => {
    const frame = decodeFrame(Buffer.from(ackMany(["a", "b"])));
    expect([frame.route.operation, frame.content]).toEqual(["ack", { ids: ["a", "b"] }]);
  });

  it.each([
    ["default/configmap/a", "configmap/default/a"],
    ["null/node/n1", "node//n1"],
  ])("knows %s by its key of delivery", (resource, key) => {
    expect(keyOfResource(resource)).toBe(key);
  });
});
