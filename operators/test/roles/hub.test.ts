// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "@jest/globals";
import { pino } from "pino";
import { Registry } from "prom-client";
import { readConfig } from "../../src/config/index.ts";
import { createHubRunnable, type HubDeps } from "../../src/roles/hub.ts";
import { ApiError } from "../../src/runtime/errors.ts";
import { freePort } from "../apiserver.ts";
import { FakeClient } from "../hub/support/fake-client.ts";
import { eventually } from "../runtime/eventually.ts";

const overloaded = new ApiError({ code: 503, reason: "ServiceUnavailable", message: "later" });

it("a hub starts although the API server does not give it the join key at first and Redis is away, and warns that its certificate names nobody", async () => {
  const [redis, tunnel, join, stream, edges] = await Promise.all(Array.from({ length: 5 }, freePort));
  const argv = [
    ...["--hub-bind-address=127.0.0.1", `--redis-url=redis://127.0.0.1:${redis}`],
    ...[`--hub-tunnel-port=${tunnel}`, `--hub-join-port=${join}`],
    ...[`--hub-stream-port=${stream}`, `--hub-stream-tunnel-port=${edges}`],
  ];
  const read = readConfig({ argv, env: {}, readFile: () => "" });
  if (read.action !== "run") throw new Error("not run");
  const client = new FakeClient();
  let refusals = 0;
  client.failing = ({ path }) =>
    path.endsWith("/longshore-join") && refusals++ === 0 ? overloaded : undefined;
  let ready = (): void => undefined;
  const warnings: string[] = [];
  const stop = new AbortController();
  const hub = createHubRunnable({
    config: read.config,
    client: client.asClient(),
    manager: { addReadyCheck: (_name: string, check: () => void) => void (ready = check) },
    registry: new Registry(),
    log: pino({ level: "warn" }, { write: (line) => void warnings.push(line) }),
    machine: { hostname: "hub-0", interfaces: {} },
  } as unknown as HubDeps);
  const ended = hub.start(stop.signal);
  const isAboutNames = (line: string): boolean => line.includes("hub.advertiseAddresses");
  expect(warnings.filter(isAboutNames)).toHaveLength(1);
  try {
    await eventually(() => ready());
    expect(refusals).toBeGreaterThan(0);
    expect(ready).not.toThrow();
    expect(warnings.filter((line) => line.includes("hub.stream.advertiseAddress"))).toHaveLength(1);
  } finally {
    stop.abort();
    await ended;
  }
});
