// SPDX-License-Identifier: Apache-2.0
import { createServer } from "node:net";
import { Fault } from "../fault.ts";

/** Hands out ports that are free now, never one twice. */
export interface Ports {
  /** `preferred` if it is free, else the next free one after it. */
  take(preferred: number): Promise<number>;
}

const TRIES = 400;

export function createPorts(isFree: (port: number) => Promise<boolean> = isPortFree): Ports {
  const taken = new Set<number>();
  return {
    take: async (preferred) => {
      for (let port = preferred; port < Math.min(preferred + TRIES, 65_536); port++) {
        if (taken.has(port) || !(await isFree(port))) continue;
        taken.add(port);
        return port;
      }
      throw new Fault("NO_PORT", `no free port from ${preferred} on`, "stop what listens there: ss -ltnp");
    },
  };
}

/** Whether a TCP port can be listened on at every address of this machine. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "0.0.0.0", exclusive: true }, () => server.close(() => resolve(true)));
  });
}
