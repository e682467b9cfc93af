// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from "@jest/globals";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connectAsync, type MqttClient } from "mqtt";
import { systemClock } from "../../src/clock.ts";
import { createOutbox } from "../../src/store/index.ts";
import { fakeLog } from "../tunnel/fakes.ts";
import { freePort } from "../../../hack/free-port.ts";
import { Mosquitto } from "./support/mosquitto.ts";

const PROGRAM = fileURLToPath(new URL("./support/bus-process.ts", import.meta.url));
const KILLS = 10;
const PER_RUN = 50;
const stops: (() => unknown)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function startProcess(...args: string[]): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    ["--conditions=source", "--disable-warning=ExperimentalWarning", PROGRAM, ...args],
    { env: { ...process.env, NODE_OPTIONS: "" }, stdio: ["ignore", "pipe", "inherit"] },
  );
  stops.push(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child;
}

/** Publishes until the other side is gone. Returns what was acknowledged. */
async function publishAll(client: MqttClient, from: number, topic: string): Promise<string[]> {
  const acked: string[] = [];
  const one = async (name: string): Promise<void> => {
    await client.publishAsync(topic, name, { qos: 1 });
    acked.push(name);
  };
  const names = Array.from({ length: PER_RUN }, (_, i) => `${topic} ${from + i}`);
  await Promise.allSettled(names.map(one));
  return acked;
}

describe("R2 an agent that is killed", () => {
  it(`has on disk every upload that it acknowledged, and gets the others again, in ${KILLS} kills`, async () => {
    const dir = mkdtempSync(join(tmpdir(), "bus-kill-"));
    const port = await freePort();
    const broker = await (await Mosquitto.create()).start();
    stops.push(() => broker.kill());
    const atBroker = await connectAsync(broker.url);
    stops.push(() => atBroker.endAsync(true));
    const wanted = new Set<string>();
    for (let kill = 0; kill <= KILLS; kill++) {
      const child = await startProcess(dir, String(port), broker.url);
      const direct = await connectAsync(`mqtt://127.0.0.1:${port}`, {
        reconnectPeriod: 0,
        clientId: `c${kill}`,
      });
      direct.on("error", () => undefined);
      const isLast = kill === KILLS;
      const waits = [
        publishAll(direct, kill * PER_RUN, "$hw/events/upload/direct"),
        publishAll(atBroker, kill * PER_RUN, "$hw/events/upload/broker"),
      ];
      if (!isLast) setTimeout(() => child.kill("SIGKILL"), kill * 7);
      else await Promise.all(waits);
      if (!isLast) await once(child, "close");
      direct.end(true);
      for (const acked of await Promise.all(waits)) for (const name of acked) wanted.add(name);
      if (isLast) {
        // What the broker still has for the agent comes at its own pace.
        const endMs = performance.now() + 20_000;
        while (missing(dir, wanted).length > 0 && performance.now() < endMs)
          await new Promise((resolve) => setTimeout(resolve, 100));
        child.kill("SIGKILL");
        await once(child, "close");
      }
    }
    expect(wanted.size).toBeGreaterThan((KILLS + 1) * PER_RUN);
    expect(missing(dir, wanted)).toEqual([]);
  }, 120_000);
});

/** Uploads that are not in the outbox of this directory. */
function missing(dir: string, wanted: ReadonlySet<string>): string[] {
  const outbox = createOutbox(join(dir, "outbox.db"), {
    clock: systemClock,
    log: fakeLog(),
    maxBytes: 64 * 1024 * 1024,
    maxAgeMs: 86_400_000,
    onDropped: () => undefined,
  });
  const held = new Set(outbox.next(0, 100_000, 1e9).map(({ payload }) => payload));
  outbox.close();
  return [...wanted].filter((name) => !held.has(name));
}
