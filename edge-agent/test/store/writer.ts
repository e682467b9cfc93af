// SPDX-License-Identifier: Apache-2.0
import { createStore } from "../../src/store/index.ts";
import { systemClock } from "../../src/clock.ts";

// Puts objects without end and prints the name of each once it is durable, until it is killed.
const silent = (): void => undefined;
const log = { error: silent, warn: silent, info: silent, debug: silent };
const metrics = { damaged: silent, failed: silent };
const [directory = "", start = "0"] = process.argv.slice(2);
const store = createStore(directory, { log, clock: systemClock, metrics, reserveBytes: 0 });

async function write(from: number, step: number): Promise<never> {
  for (let i = from; ; i += step) {
    const name = `cm-${i % 200}`;
    const key = `configmap/default/${name}`;
    const value = { data: { i, pad: "z".repeat(500) } };
    const object = {
      key,
      kind: "configmap",
      namespace: "default",
      name,
      uid: "u",
      digest: "",
      clusterEpoch: 1,
      value,
    };
    const outcome = await store.desired.apply({
      op: "put",
      object: { ...object, resourceVersion: String(i + 1) },
    });
    if (outcome === "applied") process.stdout.write(`${name} ${i + 1}\n`);
  }
}
await Promise.all(Array.from({ length: 8 }, (_, lane) => write(Number(start) + lane, 8)));
