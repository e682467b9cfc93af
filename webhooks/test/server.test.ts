import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { FastifyInstance } from "fastify";
import { Registry } from "prom-client";
import { createWebhookMetrics } from "../src/metrics.ts";
import { createAdmissionServer } from "../src/server.ts";
import { selfSigned } from "./certificate.ts";
import { everyRule } from "./kinds.ts";

const reviewOf = (kind: string, properties: { name: string }[]) => ({
  apiVersion: "admission.k8s.io/v1",
  kind: "AdmissionReview",
  request: {
    uid: "1",
    operation: "CREATE",
    kind: { group: "devices.kubeedge.io", version: "v1beta1", kind },
    object: { spec: { properties } },
  },
});

describe("admission server", () => {
  const registry = new Registry();
  const metrics = createWebhookMetrics(registry);
  const value = async (name: string, labels: Record<string, string>): Promise<number> => {
    const found = (await registry.getSingleMetric(name)?.get())?.values ?? [];
    return (
      found.find((v) => Object.entries(labels).every(([key, want]) => v.labels[key] === want))?.value ?? 0
    );
  };
  const broken = {
    path: "/broken",
    group: "devices.kubeedge.io",
    kind: "Device",
    decide: () => {
      throw new Error("a defect");
    },
  };
  let server: FastifyInstance;
  beforeAll(async () => {
    server = createAdmissionServer({
      rules: [...everyRule(), broken],
      tls: await selfSigned(),
      observer: metrics,
    });
  });
  beforeEach(() => registry.resetMetrics());
  afterAll(() => server.close());

  it("R30 keeps idle connections for longer than an API server does, which never repeats a call", () => {
    expect(server.server.keepAliveTimeout).toBeGreaterThan(90_000);
  });

  it.each(["Device", "DeviceModel"])(
    "A15 B5 denies a %s with two properties of one name, naming the field",
    async (kind) => {
      const body = reviewOf(kind, [{ name: "temperature" }, { name: "temperature" }]);
      const reply = await server.inject({ method: "POST", url: `/${kind.toLowerCase()}s`, payload: body });
      expect(reply.statusCode).toBe(200);
      expect(reply.json()).toMatchObject({
        response: {
          allowed: false,
          status: { code: 422, message: "spec.properties[1].name: property names must be unique." },
        },
      });
    },
  );

  it("allows a Device whose property names differ", async () => {
    const body = reviewOf("Device", [{ name: "a" }, { name: "b" }]);
    const reply = await server.inject({ method: "POST", url: "/devices", payload: body });
    expect(reply.json()).toMatchObject({ response: { uid: "1", allowed: true } });
  });

  it("B31 denies another kind on a path with 400", async () => {
    const reply = await server.inject({ method: "POST", url: "/devices", payload: reviewOf("Rule", []) });
    expect(reply.json()).toMatchObject({ response: { allowed: false, status: { code: 400 } } });
  });

  it.each([
    { id: "B23", when: "GET", request: { method: "GET" as const }, status: 405, reason: "METHOD" },
    {
      id: "B24",
      when: "text/plain",
      request: { method: "POST" as const, payload: "x", headers: { "content-type": "text/xml" } },
      status: 415,
      reason: "CONTENT_TYPE",
    },
    {
      id: "B26",
      when: "null",
      request: { method: "POST" as const, payload: "null", headers: { "content-type": "application/json" } },
      status: 400,
      reason: "NOT_AN_OBJECT",
    },
    {
      id: "B25",
      when: "an empty body",
      request: { method: "POST" as const, payload: "", headers: { "content-type": "application/json" } },
      status: 400,
      reason: "MALFORMED",
    },
    {
      id: "B25",
      when: "half a document",
      request: {
        method: "POST" as const,
        payload: '{"secret":"hunter2"',
        headers: { "content-type": "application/json" },
      },
      status: 400,
      reason: "MALFORMED",
    },
    {
      id: "B36",
      when: "a gzip body",
      request: {
        method: "POST" as const,
        payload: "x",
        headers: { "content-type": "application/json", "content-encoding": "gzip" },
      },
      status: 415,
      reason: "ENCODING",
    },
    {
      id: "B35",
      when: "bad UTF-8",
      request: {
        method: "POST" as const,
        payload: Buffer.from([0x22, 0xff, 0x22]),
        headers: { "content-type": "application/json" },
      },
      status: 400,
      reason: "MALFORMED",
    },
    {
      id: "B36 S2",
      when: "a body over 7 MiB",
      request: {
        method: "POST" as const,
        payload: " ".repeat(7 * 1024 * 1024 + 1),
        headers: { "content-type": "application/json" },
      },
      status: 413,
      reason: "BODY_SIZE",
    },
  ])(
    "$id answers $when with $status and a sentence, counts it, and goes on",
    async ({ request, status, reason }) => {
      const reply = await server.inject({ url: "/devices", ...request });
      expect(reply.statusCode).toBe(status);
      expect(reply.headers["content-type"]).toContain("text/plain");
      expect(reply.body).toMatch(/^\w.{5,80}$/);
      expect(reply.body).not.toContain("hunter2");
      expect(await value("edge_reject_total", { surface: "webhook", reason })).toBe(1);
      const webhook = "/devices";
      expect(
        await value("controller_runtime_webhook_requests_total", { webhook, code: String(status) }),
      ).toBe(1);
      const next = await server.inject({ method: "POST", url: webhook, payload: reviewOf("Device", []) });
      expect(next.json()).toMatchObject({ response: { allowed: true } });
      expect(await value("controller_runtime_webhook_requests_in_flight", { webhook })).toBe(0);
    },
  );

  it("counts verdicts, and every review as answered with 200", async () => {
    for (const names of [["a"], ["a", "a"]]) {
      const payload = reviewOf(
        "Device",
        names.map((name) => ({ name })),
      );
      await server.inject({ method: "POST", url: "/devices", payload });
    }
    const webhook = "/devices";
    expect(await value("longshore_webhook_requests_total", { webhook, result: "allowed" })).toBe(1);
    expect(await value("longshore_webhook_requests_total", { webhook, result: "denied" })).toBe(1);
    expect(await value("controller_runtime_webhook_requests_total", { webhook, code: "200" })).toBe(2);
  });

  it("denies with 500 when a rule is broken, counts it and goes on", async () => {
    const reply = await server.inject({ method: "POST", url: "/broken", payload: reviewOf("Device", []) });
    expect(reply.json()).toMatchObject({ response: { allowed: false, status: { code: 500 } } });
    expect(reply.body).not.toContain("a defect");
    expect(await value("controller_runtime_webhook_panics_total", {})).toBe(1);
  });
});
