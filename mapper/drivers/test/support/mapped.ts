// SPDX-License-Identifier: Apache-2.0
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineMapper, type Mapper, type MapperDefinition } from "@longshore/mapper";
import { createTestEdge, type TestEdge } from "../../../test/support/edge.ts";
import type { dmiDevice } from "./dmi.ts";
import { aLog } from "./gen.ts";

/** A whole mapper with an edge of its own, on real sockets. */
export interface Mapped {
  readonly mapper: Mapper;
  readonly edge: TestEdge;
  /** Folder for the test's own files. */
  readonly dir: string;
  readonly socket: string;
  /** The newest that was reported of a property. */
  reported(device: string, property: string): string | undefined;
  /** The newest state that was reported. */
  state(device: string): string | undefined;
  stop(): Promise<void>;
}

export async function startMapped<H>(
  definition: MapperDefinition<H>,
  made: readonly ReturnType<typeof dmiDevice>[],
): Promise<Mapped> {
  const dir = mkdtempSync(join(tmpdir(), "mapped-"));
  chmodSync(dir, 0o700);
  const [socket, dmiSocket] = [join(dir, "mapper.sock"), join(dir, "dmi.sock")];
  const edge = createTestEdge(dmiSocket);
  await edge.start();
  edge.set = { devices: made.map(({ device }) => device), models: made.map(({ model }) => model) };
  const options = { retryBaseMs: 50, retryCapMs: 200, driverTimeoutMs: 500, abortGraceMs: 100 };
  const mapper = defineMapper(definition).create({ address: socket, dmiSocket, log: aLog(), options });
  await mapper.start();
  return {
    ...{ mapper, edge, dir, socket },
    reported: (device, property) =>
      edge.reports
        .filter(({ deviceName }) => deviceName === device)
        .flatMap(({ reportedDevice }) => reportedDevice?.twins ?? [])
        .filter(({ propertyName }) => propertyName === property)
        .at(-1)?.reported?.value,
    state: (device) => edge.states.filter(({ deviceName }) => deviceName === device).at(-1)?.state,
    stop: async () => {
      await mapper.stop();
      edge.crash();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
