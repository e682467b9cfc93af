// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApiError, silentLog, type Log } from "../../src/runtime/index.ts";
import type { StreamTls } from "../../src/stream/index.ts";
import { createTestCa } from "../hub/support/pki.ts";
import { API_SERVER, Rig, testPki, until } from "./support/rig.ts";

const NAME = { namespace: "kube-system", name: "extension-apiserver-authentication" };
const quick = { caRetryMs: 5, caRefreshMs: 20 };
let rig: Rig;
let folder: string;
beforeEach(async () => {
  rig = new Rig(await testPki());
  folder = await mkdtemp(join(tmpdir(), "client-ca-"));
});
afterEach(async () => {
  await rig.stop();
  await rm(folder, { recursive: true });
});

/** Is the API server of the rig, or this one, served? */
const isServed = async (identity = rig.pki.apiServer): Promise<boolean> =>
  await rig.get("/healthz", { identity }).then(
    ({ status }) => status === 200,
    () => false,
  );

const warnings = (): { log: Log; seen: string[] } => {
  const seen: string[] = [];
  return { seen, log: { ...silentLog, warn: (_fields, message) => seen.push(message) } };
};

describe("whom the kubelet API believes to be the API server", () => {
  it("listens to nobody until it is known, says so, and serves as soon as it is", async () => {
    const { log, seen } = warnings();
    rig.cluster.fails = new ApiError({ code: 0, reason: "ConnectionFailed", message: "refused" });
    const { server } = await rig.add({ options: quick, log });
    expect(server.port).toBe(0);
    await until(() => seen.length >= 2);
    expect(seen[0]).toBe("client CA of the API server not known, so nobody is served yet");
    rig.cluster.fails = undefined;
    await until(() => server.port !== 0);
    expect(await isServed()).toBe(true);
  });

  it.each([
    { when: "names none", arrange: () => rig.cluster.put("ConfigMap", NAME, { metadata: {}, data: {} }) },
    { when: "has none", arrange: () => rig.cluster.remove("ConfigMap", NAME) },
    {
      when: "does not let us read it",
      arrange: () =>
        void (rig.cluster.fails = new ApiError({ code: 403, reason: "Forbidden", message: "no" })),
    },
  ])("is the cluster's own CA when the cluster $when", async ({ arrange }) => {
    arrange();
    await rig.add({ deps: { clusterCa: rig.pki.clusterCa.cert } });
    expect(await isServed()).toBe(true);
  });

  it("is nobody when the cluster names none and its own CA is not known", async () => {
    rig.cluster.remove("ConfigMap", NAME);
    const { server } = await rig.add({ options: quick });
    expect(server.port).toBe(0);
  });

  it("is not guessed because the API server is away for a moment", async () => {
    rig.cluster.fails = new ApiError({ code: 503, reason: "ServiceUnavailable", message: "later" });
    const { server } = await rig.add({
      deps: { clusterCa: rig.pki.clusterCa.cert },
      options: { caRetryMs: 60_000 },
    });
    expect(server.port).toBe(0);
  });

  it("is what the file says, when there is one, and what it says later", async () => {
    const file = join(folder, "ca.pem");
    const other = await createTestCa("CN=other");
    const theirs = await other.issue({ subject: `CN=${API_SERVER}` });
    await writeFile(file, other.cert);
    await rig.add({ options: { ...quick, clientCaFile: file } });
    expect(await isServed()).toBe(false);
    expect(await isServed(theirs)).toBe(true);
    await writeFile(file, rig.pki.clusterCa.cert);
    await until(() => isServed());
    expect(await isServed(theirs)).toBe(false);
  });

  it("follows the cluster, and stays through a fault and through nonsense", async () => {
    const { log, seen } = warnings();
    const next = await createTestCa("CN=next");
    const theirs = await next.issue({ subject: `CN=${API_SERVER}` });
    await rig.add({ options: quick, log });
    rig.cluster.clientCa("nonsense");
    await until(() =>
      seen.includes("client CA of the API server not read again, the one that is known stays"),
    );
    expect(await isServed()).toBe(true);
    rig.cluster.clientCa(`${rig.pki.clusterCa.cert}\n${next.cert}`);
    await until(() => isServed(theirs));
    expect(await isServed()).toBe(true);
  });
});

describe("the listener", () => {
  it("takes a new certificate and CA of the hubs, and keeps its streams", async () => {
    let change: (tls: StreamTls) => void = () => undefined;
    const hub = await rig.add({
      deps: {
        onTlsChange: (listener) => {
          change = listener;
          return () => undefined;
        },
      },
    });
    rig.cluster.pod("web", "n1");
    const node = hub.node("n1");
    const opening = rig.open("/containerLogs/default/web/main");
    const stream = (await node.next()).accept();
    const response = await opening;
    const next = await createTestCa("CN=NextHubs");
    change({ ca: [rig.pki.hubCa.cert, next.cert], ...(await next.server()) });
    const socket = await rig.dial({ identity: { ...rig.pki.apiServer, ca: next.cert } as object });
    expect(socket.authorized).toBe(true);
    stream.end("still here");
    expect((await once(response, "data")).toString()).toBe("still here");
  });

  it("tells whoever starts it that its port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    await expect(rig.add({ options: { port } })).rejects.toMatchObject({ code: "EADDRINUSE" });
    other.close();
  });

  it("stops at once, whoever is connected and says nothing", async () => {
    const { server } = await rig.add({});
    const mute = connect({ port: server.port, host: "127.0.0.1" });
    mute.on("error", () => undefined);
    await once(mute, "connect");
    const half = await rig.dial();
    half.write("GET / HT");
    const startMs = performance.now();
    await server.stop();
    expect(performance.now() - startMs).toBeLessThan(10_000);
    mute.destroy();
  });
});
