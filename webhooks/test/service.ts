// SPDX-License-Identifier: Apache-2.0
import { connect, createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { readFileSync } from "node:fs";
import { join as joinPath } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "yaml";
import { CONFIG, type Replica } from "./installation.ts";

/** A Service as kube-proxy makes it: who listens no more is called until its endpoint is taken out. */
export interface Service {
  readonly port: number;
  /** Where new connections go from now on, each to the next; those that are open stay where they are. */
  route(ports: readonly number[]): void;
  /** Connections that are open to a port. */
  openTo(port: number): number;
  /** Connections ever given to a port, also when nobody took them. */
  givenTo(port: number): number;
  close(): void;
}

/** Opens one without an endpoint: it ends each connection, and so it does where an endpoint takes none. */
export async function openService(): Promise<Service> {
  let endpoints: readonly number[] = [];
  let turn = 0;
  const sockets = new Map<Socket, number>();
  const given = new Map<number, number>();

  const join = (client: Socket, port: number): void => {
    const upstream = connect({ host: "127.0.0.1", port });
    sockets.set(client, port);
    given.set(port, (given.get(port) ?? 0) + 1);
    client.pipe(upstream).pipe(client);
    client.on("error", () => upstream.destroy());
    client.on("close", () => {
      sockets.delete(client);
      upstream.destroy();
    });
    upstream.on("error", () => client.destroy());
    upstream.on("close", () => client.destroy());
  };
  const server = createServer((client) => {
    const port = endpoints[turn++ % endpoints.length];
    if (port === undefined) client.destroy();
    else join(client, port);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    route: (ports) => (endpoints = ports),
    openTo: (port) => [...sockets.values()].filter((one) => one === port).length,
    givenTo: (port) => given.get(port) ?? 0,
    close() {
      server.close();
      for (const socket of sockets.keys()) socket.destroy();
    },
  };
}

interface Probe {
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
}

/** Asks a replica whether it is ready, as the Deployment has the kubelet do it, until it counts for not ready. */
export async function untilUnready({ probes }: Replica): Promise<void> {
  const deployment = parse(readFileSync(joinPath(CONFIG, "webhook/deployment.yaml"), "utf8")) as {
    spec: { template: { spec: { containers: [{ readinessProbe: Probe }] } } };
  };
  const { readinessProbe } = deployment.spec.template.spec.containers[0];
  const isReady = async (): Promise<boolean> => {
    const signal = AbortSignal.timeout(1_000 * readinessProbe.timeoutSeconds);
    return fetch(`http://127.0.0.1:${probes}/readyz`, { signal }).then(
      ({ ok }) => ok,
      () => false,
    );
  };
  for (let misses = 0; misses < readinessProbe.failureThreshold;) {
    await sleep(1_000 * readinessProbe.periodSeconds);
    misses = (await isReady()) ? 0 : misses + 1;
  }
}
