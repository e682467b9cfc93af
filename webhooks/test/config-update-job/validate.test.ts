// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { createConfigRule } from "../../src/config-update-job/validate.ts";
import { jobRequest } from "../job-request.ts";

const request = (updateFields: object, more: object = {}) =>
  jobRequest("ConfigUpdateJob", { nodeNames: ["edge-node"], updateFields, ...more });
const lenient = createConfigRule({ isStrict: false });
const strict = createConfigRule({ isStrict: true });

describe("the rule of ConfigUpdateJobs", () => {
  it("A34 admits a field and its value", () => {
    expect(strict(request({ "modules.edgeStream.enable": "true" }))).toEqual({ allowed: true });
  });

  it.each([
    { what: "a value with a command", fields: { "modules.a": "x;reboot" }, says: "invalid value" },
    {
      what: "a value that sets another field",
      fields: { "modules.a": "1,modules.b=2" },
      says: "invalid value",
    },
    { what: "a field that sets another", fields: { "modules.a=1,modules.b": "2" }, says: "invalid field" },
    { what: "what is no field", fields: { kind: "Pod" }, says: "invalid field" },
    { what: "a key that programs stumble over", fields: { "__proto__.x": "1" }, says: "invalid field" },
  ])("S10 refuses $what in both modes, and repeats no value", ({ fields, says }) => {
    for (const rule of [lenient, strict]) {
      const verdict = rule(request(fields));
      expect(verdict).toMatchObject({ allowed: false, code: 422 });
      expect(verdict.message).toContain(
        `spec.updateFields[${JSON.stringify(Object.keys(fields)[0])}]: ${says}`,
      );
      expect(verdict.message).not.toContain("reboot");
    }
  });

  it("B21 refuses both selectors and neither", () => {
    const fields = { "modules.a": "1" };
    expect(lenient(request(fields, { labelSelector: {} })).message).toContain("exactly one");
    expect(lenient(request(fields, { nodeNames: [] })).message).toContain("exactly one");
  });

  it("B11 warns of a secret that everybody can read, and refuses it when strict", () => {
    const secret = request({ "modules.eventBus.mqttPassword": "hunter2" });
    expect(lenient(secret)).toMatchObject({ allowed: true, warnings: [expect.stringContaining("secret")] });
    expect(strict(secret).allowed).toBe(false);
    expect(JSON.stringify([lenient(secret), strict(secret)])).not.toContain("hunter2");
  });

  it("tells at most ten of many faults", () => {
    const fields = Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`no${index}`, "x"]));
    const { message = "" } = lenient(request(fields));
    expect(message.split("; ")).toHaveLength(11);
    expect(message.length).toBeLessThan(2_000);
  });
});
