// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { connect } from "node:tls";
import { once } from "node:events";
import type { TlsMaterial } from "../../../src/hub/server/server.ts";
import { createTestCa } from "../support/pki.ts";
import { createRig, type Rig } from "../support/rig.ts";

let rig: Rig;
afterEach(() => rig.stop());

describe("the tunnel's listener", () => {
  it("R22 in part: takes a new certificate and a new CA without dropping a session", async () => {
    let change: (tls: TlsMaterial) => void = () => undefined;
    rig = await createRig({
      onTlsChange: (listener) => {
        change = listener;
        return () => undefined;
      },
    });
    const old = await rig.ours("n1");
    const next = await createTestCa("CN=Next");
    change({ ca: [rig.ca.cert, next.cert], ...(await next.server()) });
    const fresh = await rig.edge("n2", { negotiate: true, ca: next.cert, identity: await next.edge("n2") });
    await fresh.opened;
    await fresh.greet();
    expect(old.ws.readyState).toBe(old.ws.OPEN);
    const stillKnown = await rig.edge("n3", { ca: next.cert });
    await stillKnown.opened;
  });

  it("B39 resumes no session, so that each connection presents its certificate", async () => {
    rig = await createRig();
    const identity = await rig.ca.edge("n1");
    const dial = async (session?: Buffer): Promise<{ reused: boolean; session: Buffer | undefined }> => {
      const resumed = session === undefined ? {} : { session };
      const socket = connect({
        host: "127.0.0.1",
        port: rig.hub.tunnelPort,
        ca: rig.ca.cert,
        ...identity,
        ...resumed,
      });
      let offered: Buffer | undefined;
      socket.on("session", (given: Buffer) => (offered = given));
      socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      const [answer] = (await once(socket, "data")) as [Buffer];
      expect(answer.toString()).toMatch(/^HTTP\/1.1 426 /);
      const reused = socket.isSessionReused();
      socket.destroy();
      return { reused, session: offered };
    };
    const first = await dial();
    expect((await dial(first.session)).reused).toBe(false);
  });

  it("accepts any path, and tells nothing to a plain request", async () => {
    rig = await createRig();
    const edge = await rig.edge("n1", { headers: { ConnectionUse: "msg" } });
    expect(await edge.opened).not.toHaveProperty("longshore-protocol");
  });
});
