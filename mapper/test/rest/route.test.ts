// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { turnedAway } from "../../src/rest/gate.ts";
import { routeOf } from "../../src/rest/route.ts";

describe("the path of a request", () => {
  it.each([
    ["/api/v1/ping", { ask: "ping" }],
    ["/api/v1/device", { ask: "devices" }],
    [
      "/api/v1/device/default/room/temperature",
      { ask: "read", device: "default/room", property: "temperature" },
    ],
    ["/api/v1/devicemethod/default/room", { ask: "methods", device: "default/room" }],
    [
      "/api/v1/devicemethod/default/room/setValue/target/a%2Fb%20c",
      { ask: "call", device: "default/room", method: "setValue", property: "target", text: "a/b c" },
    ],
    ["/api/v1/meta/model/default/room", { ask: "model", device: "default/room" }],
    ["/metrics", { ask: "metrics" }],
    ["/", undefined],
    ["/api/v1/ping/", undefined],
    ["/api/v2/ping", undefined],
    ["/api/v1/device/default/room", undefined],
    ["/api/v1/device/%zz/room/temperature", "malformed"],
  ])("%s", (path, route) => {
    expect(routeOf(path)).toEqual(route);
  });

  it("gives back any value that was encoded into it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const path = `/api/v1/devicemethod/a/b/c/d/${encodeURIComponent(text)}`;
        expect(routeOf(path)).toMatchObject({ ask: "call", text });
      }),
    );
  });

  it("never throws, whatever comes", () => {
    fc.assert(fc.property(fc.string(), (path) => void routeOf(path)));
  });
});

describe("the head of a request", () => {
  const head = { method: "GET", host: "127.0.0.1:7777", origin: undefined, fetchSite: undefined };
  it.each([
    ["an address", {}, undefined],
    ["an IPv6 address", { host: "[::1]:7777" }, undefined],
    ["localhost", { host: "localhost:7777" }, undefined],
    ["its own name", { host: "Gateway.local" }, undefined],
    ["POST", { method: "POST" }, undefined],
    ["another method", { method: "DELETE" }, 405],
    ["no host", { host: undefined }, 400],
    ["a name that was pointed here", { host: "evil.example:7777" }, 421],
    ["a page's script", { origin: "http://evil.example" }, 403],
    ["a picture in a page", { fetchSite: "cross-site" }, 403],
    ["a person's browser", { fetchSite: "none" }, undefined],
  ])("%s", (_, change, status) => {
    expect(turnedAway({ ...head, ...change }, "gateway.local")?.status).toBe(status);
  });
});
