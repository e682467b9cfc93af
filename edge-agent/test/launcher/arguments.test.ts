// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { ArgumentError, parseArguments } from "../../src/launcher/arguments.ts";

describe("arguments of the launcher", () => {
  it("takes its own, gives the agent the rest and Node what stands behind --", () => {
    const text =
      "--config /etc/x.yaml --agent-dir /var/a --stay --grace-ms=50 --new-flag -- --lite-mode --stay";
    expect(parseArguments(text.split(" "))).toMatchObject({
      agentDir: "/var/a",
      stay: true,
      options: { graceMs: 50, pollMs: 250 },
      agent: ["--config", "/etc/x.yaml", "--new-flag"],
      node: ["--lite-mode", "--stay"],
    });
  });

  it("has a folder of its own where none is given", () => {
    expect(parseArguments([])).toMatchObject({
      agentDir: "/var/lib/longshore/agent",
      stay: false,
      agent: [],
    });
  });

  it.each([["--agent-dir"], ["--agent-dir="], ["--seed"], ["--poll-ms", "0"], ["--poll-ms", "1e3"]])(
    "refuses %s %s",
    (...args) => {
      expect(() => parseArguments(args.filter((arg) => typeof arg === "string"))).toThrow(ArgumentError);
    },
  );

  it("refuses an option twice", () => {
    expect(() => parseArguments(["--seed", "/a", "--seed=/b"])).toThrow("--seed is given twice");
  });
});
