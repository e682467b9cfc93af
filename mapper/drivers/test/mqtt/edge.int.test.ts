// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@longshore/mapper";
import { dialMapper } from "../../../test/support/edge.ts";
import { mqttMapper } from "../../src/mqtt/index.ts";
import { dmiDevice } from "../support/dmi.ts";
import { startMapped, type Mapped } from "../support/mapped.ts";
import { aClient, createConnections, startBroker, type TestBroker } from "../support/mosquitto.ts";
import { until } from "../support/process.ts";

describe("a device that speaks MQTT, between broker and edge", () => {
  let dir: string;
  let broker: TestBroker;
  let mapped: Mapped;
  const connections = createConnections();

  const plug = (on: string) =>
    dmiDevice("plug", { name: "mqtt", config: { Broker: `tcp://127.0.0.1:${broker.port}` } }, [
      { name: "power", type: "FLOAT", config: { Topic: "plug/sensor", Path: "energy.power" } },
      {
        name: "on",
        type: "BOOLEAN",
        config: { Topic: "plug/state", CommandTopic: "plug/set", True: "ON", False: "OFF", QoS: 1 },
        desired: on,
      },
    ]);
  /** A plug that does what it is told. */
  async function plugIn(): Promise<{ stop(): void; said: string[] }> {
    const said: string[] = [];
    const client = await aClient(broker.port);
    client.on("message", (_, payload) => {
      said.push(payload.toString());
      client.publish("plug/state", payload, { retain: true, qos: 1 });
    });
    await client.subscribeAsync("plug/set", { qos: 1 });
    await client.publishAsync("plug/sensor", '{"energy":{"power":41.5}}', { retain: true, qos: 1 });
    return { said, stop: () => client.end(true) };
  }

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), "mqtt-"));
    broker = await startBroker(dir, ["allow_anonymous true"]);
  });
  afterEach(async () => {
    await mapped.stop();
    connections.end();
    await broker.kill();
    rmSync(dir, { recursive: true, force: true });
  });

  it("takes desired values to its topic, tells readings, goes offline with the broker and comes back", async () => {
    const first = await plugIn();
    mapped = await startMapped(
      mqttMapper({ reconnectMs: 50, lingerMs: 10 }, systemClock, connections.connect),
      [plug("true")],
    );
    await until(() => mapped.reported("plug", "power") === "41.5", "the first reading");
    await until(() => mapped.reported("plug", "on") === "true", "the plug's answer to the command");
    await until(() => mapped.state("plug") === "online", "the state");
    expect(first.said).toStrictEqual(["ON"]);

    const side = dialMapper(mapped.socket);
    await side.updateDevice({ device: plug("false").device });
    await until(() => mapped.reported("plug", "on") === "false", "the answer to the next command");
    side.close();
    expect(first.said).toStrictEqual(["ON", "OFF"]);

    first.stop();
    await broker.kill();
    await until(() => mapped.state("plug") === "offline", "offline");
    broker = await startBroker(dir, ["allow_anonymous true"], broker.port);
    const again = await plugIn();
    await until(() => mapped.state("plug") === "online", "back again");
    again.stop();
    expect(mapped.mapper.counters()).toMatchObject({ driverHangs: 0, refusedReadings: 0 });
  });
});
