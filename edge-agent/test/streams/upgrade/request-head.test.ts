// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { requestHead } from "../../../src/streams/upgrade/request-head.ts";

describe("the upgrade request to the runtime", () => {
  it("has the asker's method and headers, the runtime's path and host, and is the last of its connection", () => {
    const headers = [
      ["connection", "Upgrade"],
      ["upgrade", "SPDY/3.1"],
      ["x-stream-protocol-version", "v4.channel.k8s.io"],
      ["x-stream-protocol-version", "channel.k8s.io"],
    ] as const;
    expect(requestHead({ method: "POST", headers }, { path: "/exec/abc", authority: "127.0.0.1:4321" })).toBe(
      [
        "POST /exec/abc HTTP/1.1",
        "host: 127.0.0.1:4321",
        "connection: Upgrade",
        "upgrade: SPDY/3.1",
        "x-stream-protocol-version: v4.channel.k8s.io",
        "x-stream-protocol-version: channel.k8s.io",
        "connection: close",
        "",
        "",
      ].join("\r\n"),
    );
  });
});
