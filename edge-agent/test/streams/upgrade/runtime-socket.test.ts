// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { connectTcp } from "../../../src/streams/upgrade/connect.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A connection, and the runtime's side of it, which reads nothing of its own accord. */
async function pair(): Promise<{ ours: Socket; theirs: Socket }> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const ours = connectTcp({ host: "127.0.0.1", port: (server.address() as AddressInfo).port });
  const [[theirs]] = (await Promise.all([once(server, "connection"), once(ours, "connect")])) as [
    [Socket],
    unknown[],
  ];
  theirs.on("error", () => undefined);
  return { ours, theirs };
}

const LAST_WORDS = Buffer.alloc(48 * 1024, "w");

describe("the runtime's side is read to its end", () => {
  it("when it resets the connection, also while we write into it", async () => {
    for (let round = 0; round < 30; round++) {
      const { ours, theirs } = await pair();
      const heard = buffer(ours);
      ours.write("input that nobody reads");
      theirs.write(LAST_WORDS, () => theirs.resetAndDestroy());
      await once(theirs, "close");
      // The reset has come, and nothing of what came before it was read: the loop has not turned since.
      ours.write("more of it");
      ours.end("and the rest");
      expect((await heard).length).toBe(LAST_WORDS.length);
    }
  });
  it("when it was not read for a while before the reset", async () => {
    const { ours, theirs } = await pair();
    ours.pause();
    theirs.write(LAST_WORDS, () => theirs.resetAndDestroy());
    await once(theirs, "close");
    expect((await buffer(ours)).length).toBe(LAST_WORDS.length);
  });
  it("and is closed then, with nothing left to write", async () => {
    const { ours, theirs } = await pair();
    const heard = buffer(ours);
    theirs.resetAndDestroy();
    await heard;
    if (!ours.closed) await once(ours, "close");
    expect(ours.errored).toBeNull();
  });
  it("but an orderly half-close still carries our input there", async () => {
    const { ours, theirs } = await pair();
    theirs.end("first");
    expect(await buffer(ours)).toEqual(Buffer.from("first"));
    ours.end("later");
    expect(await buffer(theirs)).toEqual(Buffer.from("later"));
  });
  it("and giving up destroys it at once", async () => {
    const { ours } = await pair();
    ours.on("error", () => undefined);
    ours.destroy(new Error("given up"));
    expect(ours.destroyed).toBe(true);
  });
});
