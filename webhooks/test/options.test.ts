// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { helpText, parseCommandLine, UsageError } from "../src/options.ts";

describe("the command line", () => {
  it("has a default for everything", () => {
    expect(parseCommandLine([])).toEqual({
      action: "run",
      options: {
        bindAddress: "0.0.0.0",
        port: 8443,
        metricsPort: 9093,
        probesPort: 9440,
        certFile: "/etc/longshore/webhook/tls.crt",
        keyFile: "/etc/longshore/webhook/tls.key",
        logLevel: "info",
      },
    });
  });

  it.each([
    { args: ["--nonsense"], says: "--nonsense" },
    { args: ["--port"], says: "--port" },
    { args: ["--port=x", "--metrics-port=65536"], says: "--metrics-port: expected a port" },
    { args: ["--log-level=loud"], says: "--log-level: expected debug" },
    { args: ["word"], says: "word" },
  ])("refuses $args", ({ args, says }) => {
    expect(() => parseCommandLine(args)).toThrow(UsageError);
    expect(() => parseCommandLine(args)).toThrow(says);
  });

  it("is explained by --help, flag by flag", () => {
    expect(parseCommandLine(["--help", "--port=1"])).toEqual({ action: "help" });
    for (const flag of ["--port", "--metrics-port", "--tls-cert-file"]) expect(helpText()).toContain(flag);
  });
});
