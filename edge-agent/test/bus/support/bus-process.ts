// SPDX-License-Identifier: Apache-2.0
import { FakeCloud } from "../../devices/support/fake-cloud.ts";
import { startBus } from "./bench.ts";

// An event bus without a cloud, until it is killed: directory, port of its own broker, URL of another.
const [dir = "", port = "", external = ""] = process.argv.slice(2);
const { metric } = await startBus({
  dir,
  cloud: new FakeCloud(false),
  config: { internal: `tcp://127.0.0.1:${port}`, external, messagesPerSecond: 10_000, messageBurst: 10_000 },
});
const timer = setInterval(() => {
  void metric("longshore_edge_bus_connected", { broker: "external" }).then((isConnected) => {
    if (isConnected !== 1) return;
    clearInterval(timer);
    process.stdout.write("ready\n");
    setInterval(() => undefined, 60_000);
  });
}, 10);
