// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "@jest/globals";
import { encodeTunnelMessage, StreamError, TUNNEL_TYPE } from "@longshore/crds/stream";
import { setTimeout as sleep } from "node:timers/promises";
import { Registry } from "prom-client";
import { createEdgeStreamMetrics, defaultEdgeStreamOptions } from "../../src/edge-stream/index.ts";
import { CloudSession } from "../../src/edge-stream/session.ts";
import { fakeClock, fakeLog } from "../tunnel/fakes.ts";

const noop = (): void => undefined;

it("keeps few refusals for a cloud that asks and does not read", async () => {
  const registry = new Registry();
  let waiting = 0;
  const session = new CloudSession({
    node: "n1",
    socket: {
      send: () => {
        waiting += 1;
        return new Promise(noop);
      },
      pause: noop,
      resume: noop,
    },
    opener: { open: () => Promise.reject(new StreamError("NOT_FOUND", "no such pod")) },
    options: { ...defaultEdgeStreamOptions, maxStreams: 2 },
    clock: fakeClock(),
    log: fakeLog(),
    metrics: createEdgeStreamMetrics(registry),
    onRefused: noop,
  });
  const payload = Buffer.from("no request");
  for (let connection = 1; connection <= 1_000; connection++)
    session.receive(encodeTunnelMessage({ connection, type: TUNNEL_TYPE.logs, payload }));
  await sleep(0);
  expect(waiting).toBe(32);
  expect(await registry.metrics()).toContain('dropped_total{reason="too_many"} 968');
});
