// SPDX-License-Identifier: Apache-2.0
import { beforeEach, describe, expect, it } from "@jest/globals";
import type { BatchState } from "@longshore/crds/wire";
import { DEVICE_STATUSES, DEVICES } from "../../../src/hub/uplink/kinds.ts";
import type { KubeObject } from "../../../src/runtime/client.ts";
import { createFakeClock, type FakeClock } from "../../runtime/fake-clock.ts";
import { uplinkBench } from "./bench.ts";
import { apiError } from "./fake-client.ts";

interface Status extends KubeObject {
  readonly status?: {
    readonly twins?: readonly {
      readonly propertyName: string;
      readonly reported?: { readonly value: string };
    }[];
    readonly lastOnlineTime?: string;
  };
}

const NOW_MS = Date.parse("2026-06-01T12:00:00Z");
const HOUR_MS = 3_600_000;
const idle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let clock: FakeClock;
let bench: ReturnType<typeof uplinkBench>;
beforeEach(() => {
  clock = createFakeClock(NOW_MS);
  bench = uplinkBench({
    negotiated: true,
    clock,
    devices: { writesPerSecond: 1_000, burst: 100, grantMs: 3_600_000 },
  });
  bench.client.put(DEVICES, { metadata: { name: "d", namespace: "default" }, spec: { nodeName: "edge-1" } });
});
const status = (): Status["status"] =>
  (bench.client.find(DEVICE_STATUSES, { namespace: "default", name: "d" }) as Status).status;
const valueOf = (property: string): string | undefined =>
  status()?.twins?.find(({ propertyName }) => propertyName === property)?.reported?.value;

async function report(
  values: Readonly<Record<string, readonly [value: string, timestampMs: number]>>,
  state?: BatchState,
): Promise<void> {
  const twins = Object.entries(values).map(([property, sample]) => [property, "int", sample, null]);
  const told = { ...(twins.length > 0 && { twins }), ...(state && { state }) };
  const devices = [{ device: "default/d", uid: "uid-d", ...told }];
  await bench.handle(bench.frame("update", "devices/batch", { sentMs: clock.wallMs(), devices }));
  await idle();
}

describe("R27 clocks that jump", () => {
  it("a mapper whose clock was set back is believed again after a minute of its reports", async () => {
    await report({ t: ["before", clock.wallMs()] });
    for (let second = 0; second <= 70; second += 5) {
      clock.advance(5_000);
      await report({ t: [`${second}`, clock.wallMs() - HOUR_MS] });
    }
    expect(valueOf("t")).toBe("70");
  });

  it("a value believed for that is not lost when somebody else wrote at the same time", async () => {
    await report({ t: ["before", clock.wallMs()] });
    await report({ t: ["late", clock.wallMs() - HOUR_MS] });
    clock.advance(70_000);
    bench.client.failures = [apiError(409, "Conflict")];
    await report({ t: ["believed", clock.wallMs() - HOUR_MS] });
    expect(valueOf("t")).toBe("believed");
  });

  it("a value that came late once does not make another late one believed", async () => {
    const late: readonly [string, number] = ["late", clock.wallMs() - 5_000];
    await report({ t: ["1", clock.wallMs()] });
    await report({ t: late });
    clock.advance(120_000);
    await report({ t: ["2", clock.wallMs()] });
    await report({ t: late });
    expect(valueOf("t")).toBe("2");
  });

  it("a device is not last seen in a year that has yet to come, once its edge's clock is right again", async () => {
    const seen = (ms: number): BatchState => ({
      state: "online",
      lastOnlineTime: new Date(ms).toISOString().replace(".000Z", "Z"),
    });
    await report({}, seen(Date.parse("2099-01-01T00:00:00Z")));
    clock.advance(10_000);
    await report({}, seen(clock.wallMs()));
    expect(status()?.lastOnlineTime).toBe("2026-06-01T12:00:10Z");
    await report({}, seen(NOW_MS));
    expect(status()?.lastOnlineTime).toBe("2026-06-01T12:00:10Z");
  });
});
