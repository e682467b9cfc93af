// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { device, model } from "../devices/support/objects.ts";
import { startRoom } from "../devices/support/room.ts";
import { until } from "../tunnel/fakes.ts";
import { startBus } from "./support/bench.ts";
import { Mosquitto, Subscriber } from "./support/mosquitto.ts";

const run = promisify(execFile);
const page = readFileSync(new URL("../../../docs/mqtt.md", import.meta.url), "utf8");
const blocks = [...page.matchAll(/```console\n(.*?)```/gs)].map(([, text = ""]) => text.trim().split("\n"));
const stops: (() => unknown)[] = [];
let broker: Mosquitto;
let subscriber: Subscriber | undefined;

beforeAll(async () => {
  broker = await (await Mosquitto.create()).start();
  stops.push(() => broker.kill());
  const room = await startRoom();
  stops.push(() => room.stop());
  room.store.put(model());
  const thermometer = device("20", { name: "thermometer" });
  const [temperature] = thermometer.spec?.properties ?? [];
  if (temperature === undefined) throw new Error("no property");
  room.store.put(device("20", { name: "thermometer", spec: { properties: [temperature] } }));
  const bus = await startBus({ book: room.room.book, config: { external: broker.url } });
  stops.push(() => bus.stop());
  await until(
    () => bus.lines.some((line) => line.includes("connected to the MQTT broker")),
    "the connection",
  );
});

afterEach(() => subscriber?.stop());

afterAll(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** Words of a command line: only what stands between quotes may hold spaces. */
const wordsOf = (command: string): string[] =>
  [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");

const patternOf = (line: string): RegExp =>
  new RegExp(
    `^${line
      .split("…")
      .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"))
      .join(".*")}$`,
  );

describe("the page on MQTT", () => {
  it("has something to try", () => {
    expect(blocks.length).toBeGreaterThanOrEqual(4);
  });

  it.each(blocks.map((lines, i) => [i + 1, lines] as const))(
    "example %i prints what it says",
    async (_number, lines) => {
      const commands = lines.filter((line) => line.startsWith("$ ")).map((line) => line.slice(2));
      const [listen = "", ...publish] = commands;
      subscriber = new Subscriber(broker.port, wordsOf(listen).at(-2) ?? "");
      await subscriber.ready;
      for (const command of publish) {
        const [program = "", ...words] = wordsOf(command);
        await run(program, ["-h", "127.0.0.1", "-p", String(broker.port), ...words]);
      }
      for (const expected of lines.filter((line) => !line.startsWith("$ "))) {
        const pattern = patternOf(expected);
        await until(() => subscriber?.lines.some((line) => pattern.test(line)) === true, expected);
      }
    },
  );
});
