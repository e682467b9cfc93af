// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { switchEdgeStream } from "../src/edge-stream-switch.ts";
import { deferred } from "./pods/fakes.ts";
import { fakeLog } from "./tunnel/fakes.ts";

function make(makes: () => Promise<void> = () => Promise.resolve()) {
  const calls: string[] = [];
  let tell: (connected: boolean) => void = () => undefined;
  let hasStreams = false;
  const log = fakeLog();
  const stop = switchEdgeStream({
    session: {
      onState: (listener) => {
        tell = listener;
        return () => void calls.push("unsubscribe");
      },
      hasStreams: () => hasStreams,
    },
    make: async () => {
      calls.push("make");
      await makes();
      return {
        start: () => void calls.push("start"),
        stop: () => {
          calls.push("stop");
          return Promise.resolve();
        },
      };
    },
    log,
  });
  const session = async (connected: boolean, streams = false): Promise<void> => {
    hasStreams = streams;
    tell(connected);
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  return { calls, session, stop, log };
}

describe("KubeEdge's stream tunnel", () => {
  it("is not opened before there is a session, nor beside one that carries streams", async () => {
    const t = make();
    await t.session(false);
    await t.session(true, true);
    expect(t.calls).toEqual([]);
  });
  it("is opened beside a CloudCore's session, and outlives it", async () => {
    const t = make();
    await t.session(true);
    await t.session(false);
    expect(t.calls).toEqual(["make", "start"]);
    await t.stop();
    expect(t.calls).toEqual(["make", "start", "unsubscribe", "stop"]);
  });
  it("is closed when the cloud becomes one whose session carries streams, and opened again when it goes back", async () => {
    const t = make();
    await t.session(true);
    await t.session(true, true);
    await t.session(true);
    expect(t.calls).toEqual(["make", "start", "stop", "start"]);
  });
  it("is not opened when that is no longer right once it could be", async () => {
    const made = deferred<undefined>();
    const t = make(async () => {
      await made.promise;
    });
    await t.session(true);
    await t.session(true, true);
    made.resolve(undefined);
    await t.stop();
    expect(t.calls.filter((call) => call === "start")).toEqual([]);
  });
  it("tells when it cannot be made, and tries again with the next session", async () => {
    let isBroken = true;
    const t = make(() => (isBroken ? Promise.reject(new Error("no module")) : Promise.resolve()));
    await t.session(true);
    expect(t.log.lines.join()).toContain("no module");
    isBroken = false;
    await t.session(true);
    expect(t.calls).toEqual(["make", "make", "start"]);
  });
});
