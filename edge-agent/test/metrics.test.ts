// SPDX-License-Identifier: Apache-2.0
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { serveMetrics } from "../src/metrics.ts";
import { fakeLog } from "./tunnel/fakes.ts";

it("an address of the metrics that is taken is told, and the agent lives on", async () => {
  const log = fakeLog();
  const first = serveMetrics(new Registry(), "127.0.0.1:0", log);
  await once(first, "listening");
  const { port } = first.address() as AddressInfo;
  const second = serveMetrics(new Registry(), `127.0.0.1:${port}`, log);
  const closed = new Promise((resolve) => second.prependListener("error", resolve));
  await closed;
  await new Promise((resolve) => setImmediate(resolve));
  expect(log.lines.join()).toContain("metrics are not served");
  first.close();
});
