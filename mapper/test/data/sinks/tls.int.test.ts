// SPDX-License-Identifier: Apache-2.0
import { readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { Secrets, Target } from "../../../src/data/port.ts";
import { createSinkOpener } from "../../../src/data/sinks/index.ts";
import {
  aSample,
  httpTarget,
  influxdb2Target,
  otelTarget,
  secretsNamed,
  tdengineTarget,
  withTls,
} from "../samples.ts";
import { makeCertificates, type Certificates } from "../servers/certificates.ts";
import { makeDir } from "../servers/process.ts";

const dir = makeDir("tls");
let files: Certificates;
/** One that takes everybody, and one that takes only whom the authority knows. */
const servers: Server[] = [];
let requests = 0;

beforeAll(async () => {
  files = await makeCertificates(dir);
  const [ca, cert, key] = [files.ca, files.cert, files.key].map((path) => readFileSync(path, "utf8"));
  for (const requestCert of [false, true]) {
    const options = { ca: ca ?? "", cert: cert ?? "", key: key ?? "", requestCert };
    const server = createServer(options, (_, response) => {
      requests++;
      response.end('{"code":0}');
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    servers.push(server);
  }
});
beforeEach(() => {
  requests = 0;
});
afterAll(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  rmSync(dir, { recursive: true, force: true });
});

const portOf = (index: 0 | 1): number => (servers[index]?.address() as AddressInfo).port;
async function push(target: Target, secrets: Secrets): Promise<void> {
  const sink = createSinkOpener(secrets)(target);
  await sink?.send([{ sample: aSample(), target }], AbortSignal.timeout(10_000)).finally(() => sink.close());
}

describe.each<{ kind: string; target: (port: number) => Target }>([
  { kind: "HTTP", target: httpTarget },
  { kind: "InfluxDB 2", target: influxdb2Target },
  { kind: "OpenTelemetry", target: otelTarget },
  { kind: "TDengine", target: tdengineTarget },
])("the $kind sink with TLS", ({ target }) => {
  it("S13 trusts the authority that it is given, and no other", async () => {
    await push(withTls(target(portOf(0))), secretsNamed({ ca: files.caPem }));
    expect(requests).toBeGreaterThan(0);
    requests = 0;
    await expect(push(withTls(target(portOf(0))), secretsNamed({}))).rejects.toMatchObject({
      code: "UNREACHABLE",
      message: expect.stringMatching(/SIGNATURE|CERT/),
    });
    expect(requests).toBe(0);
  });

  it("sends nothing to a server whose certificate is of another name", async () => {
    const sent = push(withTls(target(portOf(0)), "localhost"), secretsNamed({ ca: files.caPem }));
    await expect(sent).rejects.toMatchObject({
      code: "UNREACHABLE",
      message: "ERR_TLS_CERT_ALTNAME_INVALID",
    });
    expect(requests).toBe(0);
  });

  it("shows its own certificate to a server that asks for one", async () => {
    const [cert = "", key = ""] = [files.cert, files.key].map((path) => readFileSync(path, "utf8"));
    const there = withTls(target(portOf(1)));
    await push(there, secretsNamed({ ca: files.caPem, cert, key }));
    expect(requests).toBeGreaterThan(0);
    const without = push(there, secretsNamed({ ca: files.caPem }));
    await expect(without).rejects.toMatchObject({ code: "UNREACHABLE" });
  });
});
