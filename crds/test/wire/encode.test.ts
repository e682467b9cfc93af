// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import {
  decodeFrame,
  encodeFrameWith,
  errorTo,
  newFrame,
  replyTo,
  type Frame,
} from "../../src/wire/index.ts";

const origin = { newId: () => "new-id", now: () => 1700000000000 };
const request: Frame = {
  header: { msg_id: "request-id", timestamp: 1 },
  route: { source: "edged", group: "meta", operation: "query", resource: "default/secret/s" },
  content: null,
};

describe("frames of ours", () => {
  it("a push carries no parent id", () => {
    const push = newFrame(
      {
        source: "edgecontroller",
        group: "resource",
        operation: "update",
        resource: "default/pod/p",
        content: { a: 1 },
        resourceVersion: "7",
        digest: "d",
      },
      origin,
    );
    expect(push).toEqual({
      header: { msg_id: "new-id", timestamp: 1700000000000, resourceversion: "7", digest: "d" },
      route: { source: "edgecontroller", group: "resource", operation: "update", resource: "default/pod/p" },
      content: { a: 1 },
    });
  });

  it("a reply names the request as its parent and keeps the resource", () => {
    expect(replyTo(request, { content: "OK", resourceVersion: "9" }, origin)).toEqual({
      header: {
        msg_id: "new-id",
        parent_msg_id: "request-id",
        timestamp: 1700000000000,
        resourceversion: "9",
      },
      route: {
        source: "edgecontroller",
        group: "resource",
        operation: "response",
        resource: "default/secret/s",
      },
      content: "OK",
    });
  });

  it("a refusal is operation error with plain text and the parent id", () => {
    const refused = errorTo(request, "not granted", {}, origin);
    expect(refused.route.operation).toBe("error");
    expect(refused.content).toBe("not granted");
    expect(refused.header.parent_msg_id).toBe("request-id");
  });

  it("ids are random by default", () => {
    expect(replyTo(request, { content: 1 }).header.msg_id).not.toBe(
      replyTo(request, { content: 1 }).header.msg_id,
    );
  });

  it("encodeFrameWith puts encoded content behind any header", () => {
    const frame = newFrame(
      { source: "s", group: "g", operation: "o", resource: "r", content: { ü: ['"', 1, null] } },
      origin,
    );
    const bytes = encodeFrameWith(frame.header, frame.route, Buffer.from(JSON.stringify(frame.content)));
    expect(decodeFrame(bytes)).toEqual(frame);
  });
});
