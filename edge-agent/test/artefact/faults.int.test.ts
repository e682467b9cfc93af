// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import {
  createServer,
  request as ask,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import type { LocalRegistry } from "../../../hack/cluster/registry.ts";
import { agentOf } from "../../../hack/package/files.ts";
import { makePackage, publish, type AgentPackage } from "../../../hack/package/package.ts";
import { ANY_NETWORK, createExchange } from "../../src/artefact/http/exchange.ts";
import { readBody } from "../../src/artefact/http/read.ts";
import { createWorld, readText, REPOSITORY, VERSION, type Fetched, type World } from "./world.ts";

const PROGRAM = `console.log(${JSON.stringify(randomBytes(150_000).toString("hex"))});\n`;

/** What stands before a registry and damages what it brings. */
type Meddle = (answer: Answer, request: IncomingMessage, response: ServerResponse) => void;

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

const passOn: Meddle = ({ status, headers, body }, _request, response) => {
  response.writeHead(status, headers).end(body);
};

/** Ends a connection when so many bytes of the body are out. */
const cutAt = ({ status, headers, body }: Answer, response: ServerResponse, bytes: number): void => {
  response.writeHead(status, headers);
  response.write(body.subarray(0, bytes), () => response.destroy());
};

describe("a way to the registry that is not as it should be", () => {
  let world: World;
  let registry: LocalRegistry;
  let made: AgentPackage;
  let proxy: Server;
  let meddle: Meddle = passOn;
  let asked: { readonly url: string; readonly range: string | undefined }[] = [];
  let address = "";
  let layer = "";

  beforeAll(async () => {
    world = createWorld();
    registry = await world.registry({ insecure: true });
    made = await makePackage(VERSION, agentOf(PROGRAM));
    await publish(made, registry.target, REPOSITORY);
    layer = made.image.blobs[0]?.digest ?? "";
    proxy = createServer((request, response) => void serve(request, response));
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    meddle = passOn;
    asked = [];
  });
  afterAll(async () => {
    proxy.closeAllConnections();
    proxy.close();
    await world.close();
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = "/", headers } = request;
    asked.push({ url, range: headers.range });
    const rest = { ...headers, host: registry.address };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      ask(`http://${registry.address}${url}`, { headers: rest, agent: false }, resolve)
        .once("error", reject)
        .end();
    });
    const body = await buffer(answer);
    meddle({ status: answer.statusCode ?? 0, headers: answer.headers, body }, request, response);
  }

  const fetch = (): Promise<Fetched> =>
    world.fetch({ image: `${address}/${REPOSITORY}` }, { insecureRegistries: [address] });
  const isLayer = ({ url }: { readonly url?: string | undefined }): boolean => url?.endsWith(layer) ?? false;

  it("takes up a layer where its connection broke", async () => {
    let breaks = 2;
    meddle = (answer, request, response) => {
      if (isLayer(request) && breaks-- > 0) cutAt(answer, response, 50_000);
      else passOn(answer, request, response);
    };
    const { into, error } = await fetch();
    expect(error).toBeUndefined();
    expect(readText(join(into, "edge-agent.js"))).toBe(PROGRAM);
    const ranges = asked
      .filter(isLayer)
      .map(({ range }) => Number(/^bytes=(\d+)-$/.exec(range ?? "bytes=0-")?.[1]));
    expect(ranges).toHaveLength(3);
    expect(ranges[1]).toBeGreaterThan(0);
    expect(ranges[2]).toBeGreaterThan(ranges[1] ?? 0);
  });

  it("begins a layer anew where the registry cannot take it up", async () => {
    let breaks = 1;
    meddle = (answer, request, response) => {
      if (!isLayer(request)) passOn(answer, request, response);
      else if (breaks-- > 0) cutAt(answer, response, 50_000);
      else {
        const whole = made.image.blobs[0]?.bytes ?? Buffer.alloc(0);
        response.writeHead(200, { "content-length": whole.length }).end(whole);
      }
    };
    const { into, error } = await fetch();
    expect(error).toBeUndefined();
    expect(readText(join(into, "edge-agent.js"))).toBe(PROGRAM);
    expect(asked.filter(isLayer)).toHaveLength(2);
  });

  it("gives a layer up that always ends too early, after five tries and with nothing left", async () => {
    meddle = (answer, request, response) =>
      isLayer(request) ? cutAt(answer, response, 10) : passOn(answer, request, response);
    const { into, error } = await fetch();
    expect(error).toMatchObject({ code: "UNREACHABLE", retryable: true });
    expect(asked.filter(isLayer)).toHaveLength(5);
    expect(readdirSync(into)).toEqual([]);
  });

  it.each<{ what: string; of: (body: Buffer) => Buffer }>([
    { what: "another byte", of: (body) => Buffer.concat([Buffer.from([body[0]! ^ 1]), body.subarray(1)]) },
    { what: "bytes behind its end", of: (body) => Buffer.concat([body, Buffer.from("more")]) },
  ])("unpacks no layer with $what", async ({ of }) => {
    meddle = (answer, request, response) => {
      if (!isLayer(request)) passOn(answer, request, response);
      else response.writeHead(200).end(of(answer.body));
    };
    const { into, error } = await fetch();
    expect(error).toMatchObject({ code: "REFUSED", kind: "DIGEST" });
    expect(readdirSync(into)).toEqual([]);
  });

  it("S36 takes no manifest of another digest than it was asked for or told", async () => {
    meddle = (answer, request, response) => {
      const isPlatform = request.url?.endsWith(made.image.platforms["amd64"] ?? "") ?? false;
      const body = isPlatform
        ? Buffer.from(answer.body.toString().replace('"schemaVersion":2', '"schemaVersion":3'))
        : answer.body;
      response.writeHead(answer.status, answer.headers).end(body);
    };
    expect((await fetch()).error).toMatchObject({ code: "REFUSED", kind: "DIGEST" });
  });

  it("reads no manifest of more than 4 MiB", async () => {
    meddle = (_answer, _request, response) =>
      void response.writeHead(200).end(Buffer.alloc(5 * 1024 * 1024, " "));
    expect((await fetch()).error).toMatchObject({ code: "REFUSED", kind: "LIMIT" });
  });

  it("asks again after answers that may pass, and at once says those that stay", async () => {
    let busy = 3;
    meddle = (answer, request, response) =>
      busy-- > 0 ? void response.writeHead(503).end() : passOn(answer, request, response);
    expect((await fetch()).error).toBeUndefined();
    asked = [];
    meddle = (_answer, _request, response) => void response.writeHead(404).end();
    expect((await fetch()).error).toMatchObject({ kind: "MISSING" });
    expect(asked).toHaveLength(1);
  });

  it("gives up when it takes too long, and when the agent stops", async () => {
    meddle = () => undefined;
    const image = `${address}/${REPOSITORY}`;
    const late = await world.fetch({ image }, { insecureRegistries: [address], timeoutMs: 100 });
    expect(late.error).toMatchObject({ code: "UNREACHABLE" });
    const stop = new AbortController();
    meddle = () => stop.abort();
    const stopped = await world.fetch({ image, signal: stop.signal }, { insecureRegistries: [address] });
    expect(stopped.error).toMatchObject({ code: "UNREACHABLE" });
  });

  it("gives a connection up that is silent, before an answer and within one", async () => {
    const exchange = createExchange({ insecureHosts: [address], userAgent: "test", idleTimeoutMs: 50 });
    const url = new URL(`http://${address}/v2/`);
    const ask = { url, networks: ANY_NETWORK, signal: new AbortController().signal };
    meddle = () => undefined;
    await expect(exchange(ask)).rejects.toMatchObject({ kind: "REGISTRY" });
    meddle = (_answer, _request, response) => void response.writeHead(200).write("half");
    await expect(exchange(ask).then((answer) => readBody(url, answer, 100))).rejects.toMatchObject({
      kind: "REGISTRY",
    });
  });
});
