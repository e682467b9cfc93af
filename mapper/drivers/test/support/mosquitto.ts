// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { connectBroker } from "../../src/mqtt/connect.ts";
import { freePort } from "../../../../hack/free-port.ts";
import { run, until } from "./process.ts";

/** A broker of its own for one test. */
export interface TestBroker {
  readonly port: number;
  readonly kill: () => Promise<void>;
}

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const end = (is: boolean) => (): void => {
      socket.destroy();
      resolve(is);
    };
    socket.once("connect", end(true)).once("error", end(false));
  });

/** @param lines more lines of its configuration */
export async function startBroker(dir: string, lines: readonly string[], port?: number): Promise<TestBroker> {
  const own = port ?? (await freePort());
  const file = join(dir, `mosquitto-${own}.conf`);
  writeFileSync(file, [`listener ${own} 127.0.0.1`, ...lines, "user root", ""].join("\n"));
  const program = run("mosquitto", ["-c", file]);
  program.child.stdout.resume();
  await until(async () => isListening(own), "mosquitto");
  return { port: own, kill: program.kill };
}

/** A client beside the mapper's: the device itself, in tests. */
export const aClient = (port: number, username?: string, password?: string): Promise<MqttClient> =>
  connectAsync(`mqtt://127.0.0.1:${port}`, {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    timerVariant: "native",
  });

/** The mapper's own way to a broker, which remembers the connections so that a test can end them. */
export function createConnections(): { connect: typeof connectBroker; end(): void; clients: MqttClient[] } {
  const clients: MqttClient[] = [];
  return {
    clients,
    connect: async (...given) => {
      const client = await connectBroker(...given);
      clients.push(client);
      return client;
    },
    end: () => {
      for (const client of clients.splice(0)) client.end(true);
    },
  };
}
