// SPDX-License-Identifier: Apache-2.0
import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/**
 * A port that nobody listens on. Not one of the system's own choosing: those it also gives to connections, of other
 * tests too, before whoever asked here comes to listen.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(11_000, 24_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}
