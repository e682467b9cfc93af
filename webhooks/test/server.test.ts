import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import type { FastifyInstance } from "fastify";
import { ADMISSION_RULES } from "../src/rules.ts";
import { createAdmissionServer } from "../src/server.ts";

const pem = (label: string, der: ArrayBuffer): string =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString("base64")}\n-----END ${label}-----\n`;

async function selfSigned(): Promise<{ cert: string; key: string }> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=webhooks",
    keys,
    signingAlgorithm: algorithm,
  });
  return {
    cert: cert.toString("pem"),
    key: pem("PRIVATE KEY", await crypto.subtle.exportKey("pkcs8", keys.privateKey)),
  };
}

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
  const outcomes: object[] = [];
  let server: FastifyInstance;
  beforeAll(async () => {
    server = createAdmissionServer({
      rules: ADMISSION_RULES,
      tls: await selfSigned(),
      onOutcome: (o) => outcomes.push(o),
    });
  });
  afterAll(() => server.close());

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
    { id: "B23", when: "GET", request: { method: "GET" as const }, status: 405 },
    {
      id: "B24",
      when: "text/plain",
      request: { method: "POST" as const, payload: "x", headers: { "content-type": "text/xml" } },
      status: 415,
    },
    {
      id: "B26",
      when: "null",
      request: { method: "POST" as const, payload: "null", headers: { "content-type": "application/json" } },
      status: 400,
    },
    {
      id: "B25",
      when: "an empty body",
      request: { method: "POST" as const, payload: "", headers: { "content-type": "application/json" } },
      status: 400,
    },
    {
      id: "B36",
      when: "a body over 7 MiB",
      request: {
        method: "POST" as const,
        payload: " ".repeat(7 * 1024 * 1024 + 1),
        headers: { "content-type": "application/json" },
      },
      status: 413,
    },
  ])("$id answers $when with $status", async ({ request, status }) => {
    expect((await server.inject({ url: "/devices", ...request })).statusCode).toBe(status);
  });
});
