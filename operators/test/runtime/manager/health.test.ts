// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "@jest/globals";
import { createHealthChecks } from "../../../src/runtime/manager/health.ts";

it("tells the log why a check failed, as text, and whoever asks only that it did", async () => {
  const checks = createHealthChecks("readyz");
  checks.add("hub", () => {
    throw new Error("no certificate yet");
  });
  const { failures, text } = await checks.run({});
  expect(JSON.parse(JSON.stringify(failures))).toEqual({ hub: "no certificate yet" });
  expect(text).toContain("[-]hub failed: reason withheld");
  expect(text).not.toContain("certificate");
});
