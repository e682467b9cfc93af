// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { request, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http";
import { connect } from "node:net";
import {
  FleetError,
  serveRest,
  type FleetApi,
  type RestLimits,
  type RestServer,
} from "../../src/rest/index.ts";
import { aLog } from "../support/gen.ts";

const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const BASE = { apiVersion: "v1", timeStamp: "2026-01-02T03:04:05Z" };

/** One device with one property and one method. */
const room: FleetApi = {
  devices: () => ["default/room"],
  read: (device, property) => {
    if (device !== "default/room") throw new FleetError("NOT_FOUND", `there is no device ${device} here`);
    if (property === "broken") throw new FleetError("DEVICE", "it does not answer");
    if (property === "fault") throw new TypeError("secret words");
    return Promise.resolve({ type: "FLOAT", value: "21.5", unit: "°C", atMs: NOW_MS - 10 });
  },
  methods: () => [
    { name: "setValue", description: "sets it", properties: [{ name: "target", type: "INT" }] },
  ],
  call: (_, { name, property, text }) => {
    if (text === "busy") return Promise.reject(new FleetError("BUSY", "sixteen calls wait"));
    if (text === "500") return Promise.reject(new FleetError("INVALID", "500 is above 100"));
    if (property === "fixed") return Promise.reject(new FleetError("READ_ONLY", "fixed cannot be set"));
    return Promise.resolve(name === "tell" ? text : undefined);
  },
  modelOf: () => ({
    namespace: "default",
    name: "thermometer",
    properties: [
      {
        name: "target",
        description: "",
        type: "INT",
        accessMode: "ReadWrite",
        minimum: "0",
        maximum: "100",
        unit: "",
      },
    ],
  }),
  model: () => room.modelOf(""),
};

interface Answered {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

describe("what programs ask of a mapper by HTTP", () => {
  const open: RestServer[] = [];
  const log = aLog();
  afterEach(() => Promise.all(open.splice(0).map((server) => server.close())));

  async function serve(api: Partial<FleetApi> = {}, limits: Partial<RestLimits> = {}): Promise<RestServer> {
    const sources = { api: { ...room, ...api }, metrics: () => "up 1\n", nowMs: () => NOW_MS };
    const server = await serveRest({ host: "127.0.0.1", port: 0 }, sources, log, limits);
    open.push(server);
    return server;
  }
  const ask = (
    { port }: RestServer,
    path: string,
    { method = "GET", headers = {} }: { method?: string; headers?: OutgoingHttpHeaders } = {},
  ): Promise<Answered> =>
    new Promise((resolve, reject) => {
      const sent = request({ host: "127.0.0.1", port, path, method, headers, agent: false }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => (text += part));
        response.once("end", () => resolve({ status: response.statusCode, headers: response.headers, text }));
      });
      sent.once("error", reject).end();
    });
  const json = async (path: string): Promise<unknown> => JSON.parse((await ask(await serve(), path)).text);

  it("answers with the fields that KubeEdge's mappers have", async () => {
    expect(await json("/api/v1/ping")).toMatchObject({
      ...BASE,
      statusCode: 200,
      Message: expect.any(String),
    });
    expect(await json("/api/v1/device/default/room/temperature")).toEqual({
      ...{ ...BASE, statusCode: 200 },
      Data: {
        ...{ DeviceName: "room", PropertyName: "temperature", Namespace: "default" },
        ...{ Value: "21.5", Type: "FLOAT", TimeStamp: NOW_MS - 10, Unit: "°C" },
      },
    });
    expect(await json("/api/v1/meta/model/default/room")).toMatchObject({
      ...{ name: "thermometer", namespace: "default" },
      properties: [
        { name: "target", dataType: "INT", accessMode: "ReadWrite", minimum: "0", maximum: "100" },
      ],
    });
  });

  it("A19 in part: lists methods with their paths, and calls them", async () => {
    expect(await json("/api/v1/devicemethod/default/room")).toMatchObject({
      Data: {
        Methods: [
          {
            Name: "setValue",
            Path: "/api/v1/devicemethod/default/room/setValue/{propertyName}/{data}",
            Parameters: [{ PropertyName: "target", ValueType: "INT" }],
          },
        ],
      },
    });
    expect(await json("/api/v1/devicemethod/default/room/setValue/target/30")).toMatchObject({
      statusCode: 200,
      Message: "done",
    });
    expect(await json("/api/v1/devicemethod/default/room/tell/target/30")).toMatchObject({ Data: "30" });
  });

  it.each([
    ["/api/v1/device/default/gone/temperature", 404],
    ["/api/v1/device/default/room/broken", 502],
    ["/api/v1/devicemethod/default/room/setValue/target/500", 400],
    ["/api/v1/devicemethod/default/room/setValue/fixed/1", 405],
    ["/api/v1/devicemethod/default/room/setValue/target/busy", 429],
    ["/api/v1/database/default/room", 404],
    ["/nothing", 404],
    ["/api/v1/device/%ff/room/x", 400],
  ])("%s is refused with a sentence", async (path, status) => {
    const answer = await ask(await serve(), path);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toMatchObject({ ...BASE, statusCode: status, Message: /\w/ });
  });

  it("tells nothing of a fault of its own but in the log", async () => {
    const { status, text } = await ask(await serve(), "/api/v1/device/default/room/fault");
    expect(status).toBe(500);
    expect(text).not.toContain("secret");
    expect(log.lines.at(-1)).toMatchObject({ level: "error" });
  });

  it("turns away pages and names that are not its own, and answers POST as GET", async () => {
    const server = await serve();
    const path = "/api/v1/devicemethod/default/room/setValue/target/30";
    expect((await ask(server, path, { headers: { origin: "http://a.example" } })).status).toBe(403);
    expect((await ask(server, path, { headers: { host: "a.example" } })).status).toBe(421);
    expect((await ask(server, path, { method: "PUT" })).status).toBe(405);
    expect((await ask(server, path, { method: "POST" })).status).toBe(200);
  });

  it("gives a correlation id back, and metrics as text", async () => {
    const server = await serve();
    const answer = await ask(server, "/metrics", { headers: { "x-correlation-id": "abc-1" } });
    expect(answer).toMatchObject({ status: 200, text: "up 1\n" });
    expect(answer.headers["x-correlation-id"]).toBe("abc-1");
    expect(answer.headers["content-type"]).toMatch(/^text\/plain/);
  });

  it("has a limit to requests at once, and aborts the reading of one that went away", async () => {
    let begun = (): void => undefined;
    const isBegun = new Promise<void>((resolve) => (begun = resolve));
    let aborted = (): void => undefined;
    const isAborted = new Promise<void>((resolve) => (aborted = resolve));
    const read: FleetApi["read"] = (_, __, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          aborted();
          reject(new FleetError("TIMEOUT", "given up"));
        });
        begun();
      });
    const server = await serve({ read }, { maxRequests: 1 });
    const slow = connect(server.port, "127.0.0.1");
    slow.write("GET /api/v1/device/default/room/t HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    await isBegun;
    expect((await ask(server, "/api/v1/ping")).status).toBe(503);
    slow.destroy();
    await isAborted;
    expect((await ask(server, "/api/v1/ping")).status).toBe(200);
  });

  it("refuses a head that is too large", async () => {
    const server = await serve();
    const answer = await ask(server, "/api/v1/ping", { headers: { "x-much": "a".repeat(9_000) } });
    expect(answer.status).toBe(431);
  });

  it("get a connection although another one takes no answers", async () => {
    const sources = { api: room, metrics: () => "x".repeat(10_000_000), nowMs: () => NOW_MS };
    const limits = { maxConnections: 1, idleTimeoutMs: 200 };
    const server = await serveRest({ host: "127.0.0.1", port: 0 }, sources, log, limits);
    open.push(server);
    const deaf = connect(server.port, "127.0.0.1").on("error", () => undefined);
    deaf.pause().write("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    await new Promise((resolve) => deaf.once("connect", resolve));
    const endMs = performance.now() + 20_000;
    let status: number | undefined;
    while (status === undefined && performance.now() < endMs) {
      status = (await ask(server, "/api/v1/ping").catch(() => undefined))?.status;
    }
    deaf.destroy();
    expect(status).toBe(200);
  });
});
