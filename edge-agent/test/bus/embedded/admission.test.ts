// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "@jest/globals";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Admission, type Guest, type Turned } from "../../../src/bus/embedded/admission.ts";
import { hashPassword } from "../../../src/bus/embedded/credentials.ts";
import { fakeClock, fakeLog } from "../../tunnel/fakes.ts";

it("B106 who finds a crowd at the door is not taken for one with a wrong password", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "users-")), "users");
  writeFileSync(file, `d1:${await hashPassword("right")}:default/d1\n`, { mode: 0o600 });
  const admission = new Admission({
    credentialsFile: file,
    node: "edge-1",
    clock: fakeClock(),
    log: fakeLog(),
    isConnected: () => false,
    onEvicted: () => undefined,
    maxWaiting: 2,
  });
  const knock = (username: string, password: string): Promise<Guest | Turned> =>
    admission.admit({
      clientId: `client of ${username}`.replaceAll(" ", "-"),
      address: "127.0.0.1",
      username,
      password: Buffer.from(password),
      willTopic: undefined,
    });
  const crowd = [knock("x", "y"), knock("z", "y")];
  for (let i = 0; i < 20; i++) expect(await knock("d1", "right")).toBe("rate");
  expect(await Promise.all(crowd)).toEqual(["credentials", "credentials"]);
  expect(await knock("d1", "right")).toMatchObject({ user: "d1" });
});
