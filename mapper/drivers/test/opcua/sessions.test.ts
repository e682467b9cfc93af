// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { createFakeClock } from "../../../test/support/fake-clock.ts";
import { OpcuaError } from "../../src/opcua/errors.ts";
import type { Connect, Link } from "../../src/opcua/link.ts";
import { createSessions, type SessionLimits } from "../../src/opcua/sessions.ts";
import { targetOf } from "../../src/opcua/target.ts";

const target = (path = "a") => targetOf({ url: `opc.tcp://server/${path}` });
const never = () => new AbortController().signal;
const succeed = () => Promise.resolve("done");

function setup(limits: Partial<SessionLimits> = {}) {
  const links: { isBroken: boolean; isClosed: boolean }[] = [];
  const state = { isAway: false, connects: 0 };
  const connect: Connect = () => {
    state.connects++;
    if (state.isAway) return Promise.reject(new OpcuaError("UNREACHABLE", "away"));
    const record = { isBroken: false, isClosed: false };
    links.push(record);
    const link: Partial<Link> = {
      isBroken: () => record.isBroken,
      close: () => {
        record.isClosed = true;
        return Promise.resolve();
      },
    };
    return Promise.resolve(link as Link);
  };
  const clock = createFakeClock();
  const all = { maxSessions: 2, reconnectPauseMs: 1_000, ...limits };
  return { clock, links, state, sessions: createSessions(connect, all, clock) };
}

describe("sessions with OPC UA servers", () => {
  it("are made once for all devices of one target, and closed by the last of them", async () => {
    const { links, sessions } = setup();
    const [one, two] = [sessions.lease(target()), sessions.lease(target())];
    await Promise.all([one.use(succeed, never()), two.use(succeed, never())]);
    expect(links).toHaveLength(1);
    await one.release();
    await one.release();
    expect(links[0]?.isClosed).toBe(false);
    await two.release();
    expect(links[0]?.isClosed).toBe(true);
    expect(sessions.size()).toBe(0);
  });

  it("are made anew by the next call when they broke", async () => {
    const { links, sessions } = setup();
    const lease = sessions.lease(target());
    await lease.use(succeed, never());
    Object.assign(links[0] ?? {}, { isBroken: true });
    expect(await lease.use(succeed, never())).toBe("done");
    expect(links).toHaveLength(2);
  });

  it.each([
    { what: "the session's", error: new Error("BadSessionIdInvalid at …"), made: 2, code: "UNREACHABLE" },
    { what: "the node's", error: new OpcuaError("STATUS", "i=1: Bad"), made: 1, code: "STATUS" },
  ])("are given up after a failure of $what kind or kept", async ({ error, made, code }) => {
    const { links, sessions } = setup();
    const lease = sessions.lease(target());
    await expect(lease.use(() => Promise.reject(error), never())).rejects.toMatchObject({ code });
    await lease.use(succeed, never());
    expect(links).toHaveLength(made);
  });

  it("are not asked for again within the pause after a failure", async () => {
    const { clock, sessions, state } = setup();
    state.isAway = true;
    const lease = sessions.lease(target());
    await expect(lease.use(succeed, never())).rejects.toThrow("away");
    await expect(lease.use(succeed, never())).rejects.toThrow("away");
    expect(state.connects).toBe(1);
    state.isAway = false;
    await clock.advance(1_000);
    expect(await lease.use(succeed, never())).toBe("done");
  });

  it("are no more than allowed", async () => {
    const { sessions } = setup({ maxSessions: 1 });
    const first = sessions.lease(target("a"));
    sessions.lease(target("a"));
    expect(() => sessions.lease(target("b"))).toThrow(expect.objectContaining({ code: "LIMIT" }));
    await first.release();
  });

  it("run nothing for a call that is aborted before it begins", async () => {
    const { sessions } = setup();
    const lease = sessions.lease(target());
    await lease.use(succeed, never());
    const stop = new AbortController();
    let runs = 0;
    const call = lease.use(() => Promise.reject(new Error(`run ${++runs}`)), stop.signal);
    stop.abort();
    await expect(call).rejects.toThrow(/abort/);
    expect(runs).toBe(0);
  });

  it("are given back though the library never ends the connect that was aborted", async () => {
    const stuck: Connect = () => new Promise<Link>(() => undefined);
    const sessions = createSessions(stuck, { maxSessions: 2, reconnectPauseMs: 1 }, createFakeClock());
    const lease = sessions.lease(target());
    const stop = new AbortController();
    const used = lease.use(succeed, stop.signal);
    stop.abort();
    await expect(used).rejects.toThrow(/abort/);
    await lease.release();
    expect(sessions.size()).toBe(0);
  });
});
