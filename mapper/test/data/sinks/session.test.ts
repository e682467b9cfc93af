// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { createSession } from "../../../src/data/sinks/session.ts";
import { settle } from "../../support/fake-clock.ts";

/** A session of a connection that a test makes and connects when it likes. */
function setUp() {
  const steps = { make: (): void => undefined, connect: (): void => undefined, cut: 0, made: 0 };
  const session = createSession<string>({
    make: () =>
      new Promise((resolve) => {
        steps.made++;
        steps.make = () => resolve("connection");
      }),
    connect: () => new Promise((resolve) => (steps.connect = resolve)),
    cut: () => {
      steps.cut++;
    },
  });
  return { session, steps };
}
const never = new AbortController().signal;

describe("a session", () => {
  it("connects once, at its first use", async () => {
    const { session, steps } = setUp();
    const seen: string[] = [];
    expect(steps.made).toBe(0);
    for (const name of ["a", "b"]) {
      const used = session.use(never, (connection) => Promise.resolve(void seen.push(connection + name)));
      steps.make();
      await settle();
      steps.connect();
      await used;
    }
    expect(seen).toEqual(["connectiona", "connectionb"]);
    expect(steps).toMatchObject({ made: 1, cut: 0 });
    session.close();
    expect(steps.cut).toBe(1);
  });

  it("cuts a connection that comes after it was closed, and does not use it", async () => {
    const { session, steps } = setUp();
    const used = session.use(never, () => Promise.reject(new Error("used")));
    session.close();
    steps.make();
    await expect(used).rejects.toMatchObject({ code: "UNREACHABLE" });
    expect(steps.cut).toBe(1);
    await expect(session.use(never, () => Promise.resolve())).rejects.toMatchObject({ code: "UNREACHABLE" });
    expect(steps.made).toBe(1);
  });

  it.each(["connecting", "working"])("is cut when it is given up while %s", async (when) => {
    const { session, steps } = setUp();
    const aborter = new AbortController();
    const used = session.use(aborter.signal, () => new Promise(() => undefined));
    steps.make();
    await settle();
    if (when === "working") steps.connect();
    await settle();
    aborter.abort();
    await expect(used).rejects.toMatchObject({ code: "TIMEOUT", retryable: true });
    expect(steps.cut).toBe(1);
    session.close();
    expect(steps.cut).toBe(1);
  });

  it("is given up at once by a signal that has aborted", async () => {
    const { session, steps } = setUp();
    const used = session.use(AbortSignal.abort(), () => Promise.resolve());
    await expect(used).rejects.toMatchObject({ code: "TIMEOUT" });
    steps.make();
    await settle();
    expect(steps.cut).toBe(1);
  });

  it("tells what work threw, and goes on", async () => {
    const { session, steps } = setUp();
    const used = session.use(never, () => Promise.reject(new Error("one")));
    steps.make();
    await settle();
    steps.connect();
    await expect(used).rejects.toThrow("one");
    await session.use(never, () => Promise.resolve());
    expect(steps.cut).toBe(0);
    session.close();
  });
});
