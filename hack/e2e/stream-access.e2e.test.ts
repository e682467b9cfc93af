// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { readFileSync } from "node:fs";
import { connect as connectPlain } from "node:net";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { agentDir } from "../cluster/edge.ts";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { SLEEP } from "./manifests.ts";
import { runPods } from "./stream-pods.ts";

jest.setTimeout(60_000);
const ANSWER_MS = 5_000;

interface Credential {
  readonly cert: string;
  readonly key: string;
}
interface Heard {
  readonly text: string;
  /** Why the connection ended, if it says so. */
  readonly code: string;
}

const requestFor = (path: string): string => {
  const connection = path.startsWith("/exec/") ? "Upgrade\r\nUpgrade: SPDY/3.1" : "close";
  return `GET ${path} HTTP/1.1\r\nHost: node\r\nConnection: ${connection}\r\n\r\n`;
};

/** Sends one request and tells everything that came back until the end. */
function ask(to: { port: number; ca: string }, path: string, credential?: Credential): Promise<Heard> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connectTls({ host: "127.0.0.1", ...to, ...credential });
    let text = "";
    let code = "";
    socket.once("secureConnect", () => socket.write(requestFor(path)));
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.once("error", (error: NodeJS.ErrnoException) => (code = error.code ?? error.message));
    socket.once("close", () => resolve({ text, code }));
    socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error("nothing happened")));
  });
}

describe("the stream port", () => {
  let env: Environment;
  let ns: string;
  const ofCluster = (name: string): Credential => ({
    cert: readFileSync(join(env.layout.pki, `${name}.crt`), "utf8"),
    key: readFileSync(join(env.layout.pki, `${name}.key`), "utf8"),
  });
  const ofEdge = (): Credential & { ca: string } =>
    JSON.parse(readFileSync(join(agentDir(env.layout), "identity.json"), "utf8")) as Credential & {
      ca: string;
    };
  const hubs = (): { port: number; ca: string }[] =>
    [env.ports.stream, env.portsB.stream].map((port) => ({ port, ca: ofEdge().ca }));
  const health = (): string => `/nodes/${env.node}/healthz`;

  beforeAll(async () => {
    env = await environment();
    ns = await env.namespace("access");
    await runPods(env, { namespace: ns, name: "shell", script: `echo secret; ${SLEEP}` });
  }, 600_000);
  afterAll(cleanEnvironment, 90_000);

  it("answers the API server, at each hub", async () => {
    for (const hub of hubs())
      expect((await ask(hub, health(), ofCluster("apiserver-kubelet"))).text).toMatch(/^HTTP\/1\.1 200 /);
  });

  it("S18 refuses whoever shows no certificate, with an alert", async () => {
    for (const hub of hubs()) {
      const { text, code } = await ask(hub, health());
      expect(text).toBe("");
      expect(code).toMatch(/ALERT/);
    }
  });

  it.each([
    { whose: "the administrator, whose name it does not know", credential: () => ofCluster("admin") },
    { whose: "somebody of another CA", credential: () => ofCluster("front-proxy-client") },
    { whose: "an edge node", credential: () => ofEdge() },
  ])("S18 answers nothing to $whose", async ({ credential }) => {
    for (const hub of hubs()) {
      for (const path of [health(), `/containerLogs/${ns}/shell/main`, "/"]) {
        const { text, code } = await ask(hub, path, credential());
        expect(text).toBe("");
        expect(code).not.toBe("nothing happened");
      }
    }
  });

  it("S18 answers nothing without TLS", async () => {
    const text = await new Promise<string>((resolve) => {
      let heard = "";
      const socket = connectPlain(env.ports.stream, "127.0.0.1", () => socket.write(requestFor(health())));
      socket.on("data", (chunk: Buffer) => (heard += chunk.toString("latin1")));
      socket.once("error", () => undefined);
      socket.once("close", () => resolve(heard));
      socket.setTimeout(ANSWER_MS, () => socket.destroy());
    });
    expect(text).not.toContain("HTTP/");
  });

  it("lets a scraper read metrics, and nothing else", async () => {
    const scraper = ofCluster("metrics-server");
    const [hub] = hubs();
    const metrics = await ask(hub!, `/nodes/${env.node}/metrics/resource`, scraper);
    expect(metrics.text).toMatch(/^HTTP\/1\.1 200 /);
    const paths = [
      `/containerLogs/${ns}/shell/main`,
      `/exec/${ns}/shell/main?command=id&output=1`,
      `/nodes/${env.node}/pods`,
    ];
    for (const path of paths) {
      const { text } = await ask(hub!, path, scraper);
      expect(text).toMatch(/^HTTP\/1\.1 403 /);
      expect(text).not.toContain("secret");
    }
  });
});
