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
        kubeconfig: "",
        security: "compatible",
        namespace: "kubeedge",
        certificate: {
          secretName: "longshore-webhooks-tls",
          configurations: [
            { type: "validating", name: "longshore-webhooks" },
            { type: "mutating", name: "longshore-webhooks" },
          ],
          hosts: ["longshore-webhooks.kubeedge.svc", "longshore-webhooks.kubeedge.svc.cluster.local"],
          caLifeMs: 43_800 * 3_600_000,
          servingLifeMs: 2_160 * 3_600_000,
          intervalMs: 3_000,
          settleMs: 10_000,
          overlapMs: 3_600_000,
        },
        drainMs: 0,
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
    { args: ["--ca-life=1"], says: "--ca-life: expected a time such as 30s" },
    { args: ["--ca-life=1s"], says: "--ca-life: expected a time such as 30s or 12h, from 60s" },
    { args: ["--dns-names=a,b c"], says: "--dns-names: expected at most 32 names" },
    { args: ["--service-name="], says: "--service-name: expected a name" },
    { args: ["--security=loose"], says: "--security: expected compatible, strict" },
    { args: ["--tls-cert-file=a"], says: "--tls-cert-file and --tls-key-file belong together" },
  ])("refuses $args", ({ args, says }) => {
    expect(() => parseCommandLine(args)).toThrow(UsageError);
    expect(() => parseCommandLine(args)).toThrow(says);
  });

  it("takes names of the certificate, and files of somebody else's instead", () => {
    const optionsOf = (...args: string[]) => {
      const line = parseCommandLine(args);
      return line.action === "run" ? line.options.certificate : undefined;
    };
    expect(optionsOf("--dns-names=127.0.0.1, ::1", "--namespace=a", "--service-name=b")).toMatchObject({
      hosts: ["b.a.svc", "b.a.svc.cluster.local", "127.0.0.1", "::1"],
    });
    expect(optionsOf("--tls-cert-file=c", "--tls-key-file=k")).toEqual({ certFile: "c", keyFile: "k" });
  });

  it("is explained by --help, flag by flag", () => {
    expect(parseCommandLine(["--help", "--port=1"])).toEqual({ action: "help" });
    for (const flag of ["--port", "--metrics-port", "--tls-cert-file"]) expect(helpText()).toContain(flag);
  });
});
