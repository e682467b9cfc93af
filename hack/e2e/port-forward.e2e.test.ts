// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { createHash } from "node:crypto";
import { get } from "node:http";
import { connect } from "node:net";
import { buffer } from "node:stream/consumers";
import { cleanEnvironment, environment, type Environment } from "./environment.ts";
import { eventually } from "./eventually.ts";
import { createSessions, type KubectlSession } from "./kubectl-session.ts";
import { SLEEP } from "./manifests.ts";
import { runPods } from "./stream-pods.ts";

jest.setTimeout(90_000);
const PARALLEL = 50;
const BIG_BYTES = 32 * 1024 * 1024;
const SERVE = `mkdir /www; cd /www; for i in $(seq ${PARALLEL}); do echo "page $i" > $i; done;
  head -c ${BIG_BYTES} /dev/urandom > big; sha256sum big > sum; exec httpd -f -p 8080 -h /www`;

describe("kubectl port-forward to an edge pod, with the session at another hub", () => {
  let env: Environment;
  let ns: string;
  const sessions = createSessions(() => env.kubectl);

  beforeAll(async () => {
    env = await environment();
    ns = await env.namespace("forward");
    await runPods(
      env,
      { namespace: ns, name: "web", script: SERVE, labels: { app: "web" } },
      { namespace: ns, name: "shell", script: SLEEP },
    );
    const ports = [{ name: "http", port: 80, targetPort: 8080 }];
    const service = { apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace: ns } };
    await env.kubectl.apply(JSON.stringify({ ...service, spec: { selector: { app: "web" }, ports } }));
    await eventually(() => env.kubectl.run("-n", ns, "exec", "web", "--", "test", "-s", "/www/sum"), {
      timeoutMs: 20_000,
    });
  }, 600_000);
  afterEach(() => sessions.stopAll());
  afterAll(cleanEnvironment, 90_000);

  const forward = async (
    target: string,
    port: number,
    variables: Readonly<Record<string, string>> = {},
  ): Promise<{ session: KubectlSession; local: number }> => {
    const args = ["-n", ns, "port-forward", "--address=127.0.0.1", target, `:${port}`];
    const session = sessions.start(args, { env: variables });
    const [, local] = await session.says(/Forwarding from 127\.0\.0\.1:(\d+) -> \d+\n/);
    return { session, local: Number(local) };
  };
  const page = (port: number, path: string): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      get({ host: "127.0.0.1", port, path, agent: false }, (response) => {
        buffer(response).then(resolve, reject);
      }).once("error", reject);
    });

  it.each([
    { protocol: "WebSocket", variables: {} },
    { protocol: "SPDY", variables: { KUBECTL_PORT_FORWARD_WEBSOCKETS: "false" } },
  ])(
    `carries ${PARALLEL} connections at once over $protocol, each with its own answer`,
    async ({ variables }) => {
      const { local } = await forward("pod/web", 8080, variables);
      const numbers = Array.from({ length: PARALLEL }, (_, i) => i + 1);
      const pages = await Promise.all(numbers.map((i) => page(local, `/${i}`)));
      expect(pages.map(String)).toEqual(numbers.map((i) => `page ${i}\n`));
    },
  );

  it("carries a big body whole, while others ask for small ones", async () => {
    const { local } = await forward("pod/web", 8080);
    const sum = String(await page(local, "/sum")).split(" ")[0];
    const big = page(local, "/big");
    for (let i = 1; i <= 5; i++) expect(String(await page(local, `/${i}`))).toBe(`page ${i}\n`);
    const body = await big;
    expect(body).toHaveLength(BIG_BYTES);
    expect(createHash("sha256").update(body).digest("hex")).toBe(sum);
  });

  it("leads to a Service's pod", async () => {
    const { local } = await forward("service/web", 80);
    expect(String(await page(local, "/7"))).toBe("page 7\n");
  });

  it("closes a connection to a port on which nobody listens", async () => {
    const { local } = await forward("pod/shell", 9);
    const socket = connect(local, "127.0.0.1");
    const closed = await new Promise<boolean>((resolve) => {
      socket.once("close", () => resolve(true)).once("error", () => undefined);
      socket.setTimeout(10_000, () => resolve(false));
      socket.resume();
    });
    socket.destroy();
    expect(closed).toBe(true);
  });
});
