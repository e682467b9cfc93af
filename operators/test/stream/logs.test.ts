// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { StreamError } from "@longshore/crds/stream";
import { closed, createRig, nextText, readAll, until, type Rig } from "./support/rig.ts";

let rig: Rig;
afterEach(() => rig.stop());

const LOGS = "/containerLogs/default/web/main";

describe.each([
  { where: "here", hubs: 1 },
  { where: "at another hub", hubs: 2 },
])("a log of a node that is $where", ({ hubs }) => {
  const start = async (options = {}) => {
    rig = await createRig({ hubs, options });
    rig.cluster.pod("web", "n1");
    return rig.hubs[hubs - 1]!.node("n1");
  };

  it("comes as it is, with the type that the node says, and leaves nothing behind", async () => {
    const node = await start();
    const got = rig.get(`${LOGS}?tailLines=5&timestamps=true`);
    const asked = await node.next();
    expect(asked.request).toMatchObject({
      verb: "logs",
      namespace: "default",
      pod: "web",
      uid: "uid-of-web",
      container: "main",
      options: { tailLines: 5, timestamps: true },
    });
    const stream = asked.accept({ contentType: "text/plain; charset=utf-8" });
    stream.resume();
    stream.write("one\n");
    stream.end("two\n");
    expect(await got).toEqual({ status: 200, type: "text/plain; charset=utf-8", text: "one\ntwo\n" });
    await until(() => node.live === 0);
    await until(async () => (await rig.hub.metric("longshore_stream_active")) === 0);
    expect(await rig.hub.metric("longshore_stream_bytes_total", { direction: "from_edge" })).toBe(8);
    expect(await rig.hub.metric("longshore_stream_opens_total", { verb: "logs", result: "ok" })).toBe(1);
  });

  it("sends its head before there is a first line, and each line at once", async () => {
    const node = await start();
    const opening = rig.open(`${LOGS}?follow=true`);
    const stream = (await node.next()).accept();
    const response = await opening;
    expect(response.statusCode).toBe(200);
    for (const line of ["a\n", "b\n"]) {
      stream.write(line);
      expect(await nextText(response)).toBe(line);
    }
  });

  it("tells the node when the reader goes away", async () => {
    const node = await start();
    const opening = rig.open(`${LOGS}?follow=true`);
    const stream = (await node.next()).accept();
    const response = await opening;
    response.destroy();
    await closed(stream);
    expect(stream.errored).toMatchObject({ code: "CANCELLED" });
    await until(async () => (await rig.hub.metric("longshore_stream_active")) === 0);
  });

  it("tells the node when the reader goes away before the answer", async () => {
    const node = await start();
    const opening = rig.open(LOGS).catch(() => undefined);
    const asked = await node.next();
    await rig.stop();
    await until(() => asked.signal.aborted);
    await opening;
  });

  it("ends with an error, not as a short log, when the node fails in the middle", async () => {
    const node = await start();
    const opening = rig.open(LOGS);
    const stream = (await node.next()).accept();
    const response = await opening;
    stream.write("half a li");
    expect(await nextText(response)).toBe("half a li");
    node.lose();
    await expect(readAll(response)).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it.each([
    { error: new StreamError("NOT_FOUND", "no container main"), status: 404 },
    { error: new StreamError("FORBIDDEN", "not this log"), status: 403 },
    { error: new StreamError("BAD_REQUEST", "no"), status: 400 },
    { error: new StreamError("TOO_MANY", "full"), status: 429 },
    { error: new StreamError("UNSUPPORTED", "what is that"), status: 500 },
    { error: new StreamError("INTERNAL", "disk"), status: 500 },
  ])("answers $status with its words when the node says $error.code", async ({ error, status }) => {
    const node = await start();
    const got = rig.get(LOGS);
    (await node.next()).refuse(error);
    expect(await got).toMatchObject({ status, text: error.message });
  });

  it("holds no more than windows and buffers for a reader that stalls, and nobody else back", async () => {
    const node = await start();
    const stalled = rig.open(LOGS);
    const flood = (await node.next()).accept();
    const response = await stalled; // nobody reads its body
    let accepted = 0;
    const chunk = Buffer.alloc(32 * 1024);
    const pump = (): void => {
      flood.write(chunk, () => {
        accepted += chunk.length;
        if (accepted < 64 * 1024 * 1024) pump();
      });
    };
    pump();
    await until(() => accepted > 0);
    let before = -1;
    await until(async () => {
      const isStill = accepted === before;
      before = accepted;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return isStill;
    });
    // Kernel buffers of loopback are most of it.
    expect(accepted).toBeLessThan(16 * 1024 * 1024);
    const other = rig.get(LOGS);
    (await node.next()).accept().end("quick");
    expect(await other).toMatchObject({ status: 200, text: "quick" });
    response.destroy();
    await closed(flood);
  });
});

describe("what a node says of itself", () => {
  it("goes by the node's name in the path or from the API server's proxy", async () => {
    rig = await createRig();
    const node = rig.hub.node("n1");
    const answer = async (): Promise<void> => {
      const asked = await node.next();
      expect(asked.request).toEqual({ verb: "read", what: "stats/summary" });
      asked.accept({ contentType: "application/json" }).end("{}");
    };
    const want = { status: 200, type: "application/json", text: "{}" };
    const named = rig.get("/nodes/n1/stats/summary");
    await answer();
    expect(await named).toEqual(want);
    const headers = { "X-Forwarded-Uri": "/api/v1/nodes/n1/proxy/stats/summary" };
    const proxied = rig.get("/stats/summary", { headers });
    await answer();
    expect(await proxied).toEqual(want);
  });

  it("needs a node, but for this hub's own health", async () => {
    rig = await createRig();
    expect(await rig.get("/metrics")).toMatchObject({ status: 400, text: "the request names no node" });
    expect(await rig.get("/healthz")).toMatchObject({ status: 200, text: "ok" });
    const node = rig.hub.node("n1");
    const health = rig.get("/nodes/n1/healthz");
    (await node.next()).accept().end("fine");
    expect(await health).toMatchObject({ status: 200, text: "fine" });
  });

  it("is no path that a kubelet does not have", async () => {
    rig = await createRig();
    for (const path of ["/", "/longshore/streams", "/run/default/web/main", "/%zz"])
      expect((await rig.get(path)).status).toBeGreaterThanOrEqual(400);
  });
});
