// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { createCounters } from "../../src/counters.ts";
import { createEdgeSession } from "../../src/edge/session.ts";
import { withDefaults } from "../../src/options.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { aLog } from "../support/gen.ts";

/** As gRPC fails: the text has times in it, the code tells what it is. */
const failure = (code: number, message: string): Error => Object.assign(new Error(message), { code });

describe("a mapper that cannot register", () => {
  it("tells each new reason, and the same one once", async () => {
    const clock = createFakeClock();
    const log = aLog();
    let attempts = 0;
    const session = createEdgeSession({
      client: {
        register: () => {
          const refused = failure(16, "no token: mapper-tokens/lamp-mapper");
          return Promise.reject(attempts++ < 5 ? failure(14, `no connection after ${attempts} ms`) : refused);
        },
        onceDisconnected: () => undefined,
      },
      info: { name: "m", version: "", apiVersion: "", protocol: "p", address: Buffer.of(), state: "ok" },
      ...{ options: withDefaults(), clock, counters: createCounters(), log, random: () => 0.999 },
      onRegister: () => () => undefined,
    });
    session.start();
    await clock.advance(120_000);
    session.stop();
    expect(attempts).toBeGreaterThan(10);
    expect(log.lines.map(({ fields }) => fields)).toStrictEqual([
      { reason: "no connection after 1 ms" },
      { reason: "no token: mapper-tokens/lamp-mapper" },
    ]);
    expect(clock.timers()).toBe(0);
  });
});
