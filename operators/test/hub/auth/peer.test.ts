// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type TLSSocket } from "node:tls";
import { identifyPeer, type Identity } from "../../../src/hub/auth/index.ts";
import { certificatePem } from "../../../src/hub/join/pki.ts";
import { joinBench, makeCsr } from "../join/bench.ts";

let bench: Awaited<ReturnType<typeof joinBench>>;
let server: Server;

beforeAll(async () => {
  bench = await joinBench();
  // the certificate is judged by identifyPeer, so the server lets all in
  // eslint-disable-next-line no-restricted-syntax
  server = createServer({ ...bench.authority.tls, requestCert: true, rejectUnauthorized: false });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(async () => {
  server.close();
  await bench.server.stop();
});

/** What the server thinks of a client with this credential. */
async function judged(credential: object, headers: Record<string, string>): Promise<Identity> {
  const secured = once(server, "secureConnection") as Promise<[TLSSocket]>;
  const { port } = server.address() as AddressInfo;
  const client = connect({ host: "127.0.0.1", port, ca: bench.authority.tls.ca, ...credential });
  client.on("error", () => undefined);
  const [socket] = await secured;
  const identity = identifyPeer(socket, headers, Date.now());
  client.destroy();
  socket.destroy();
  return identity;
}

async function credentialOf(of: typeof bench): Promise<{ cert: string; key: string }> {
  const csr = await makeCsr("edge-1");
  return { cert: certificatePem((await of.join("edge-1", csr.der)).body), key: csr.key };
}

describe("identifyPeer on a real TLS connection", () => {
  it("finds the node in a certificate that we issued", async () => {
    const credential = await credentialOf(bench);
    expect(await judged(credential, { node_id: "edge-1" })).toEqual({ node: "edge-1" });
    expect(await judged(credential, {})).toEqual({ node: "edge-1" });
  });

  it("S20 B47 refuses certificate A with header B", async () => {
    expect(await judged(await credentialOf(bench), { node_id: "edge-2" })).toMatchObject({ closeCode: 4401 });
  });

  it("B37 refuses a peer without a certificate", async () => {
    expect(await judged({}, { node_id: "edge-1" })).toMatchObject({ node: undefined, closeCode: 4401 });
  });

  it("B38 refuses a certificate of another CA, whatever it says", async () => {
    const other = await joinBench();
    const credential = await credentialOf(other);
    await other.server.stop();
    expect(await judged(credential, { node_id: "edge-1" })).toMatchObject({
      node: undefined,
      closeCode: 4401,
    });
  });
});
