// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { FastifyInstance } from "fastify";
import fc from "fast-check";
import { createAdmissionServer, type AdmissionRule } from "../src/server.ts";
import { selfSigned } from "./certificate.ts";
import { everyRule, GOOD_SPECS, reviewFor } from "./kinds.ts";

const rules = everyRule();
const JSON_TYPE = { "content-type": "application/json" };
const LIMIT = 7 * 1024 * 1024;
interface Sent {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly payload?: string | Buffer | object;
  readonly headers?: Readonly<Record<string, string>>;
}

describe.each(rules)("at $path", (rule: AdmissionRule) => {
  const refused: string[] = [];
  const panics: unknown[] = [];
  let server: FastifyInstance;
  beforeAll(async () => {
    server = createAdmissionServer({
      rules,
      tls: await selfSigned(),
      observer: {
        started: () => undefined,
        ended: ({ result, reason = "" }) => (result === "refused" ? refused.push(reason) : 0),
        panicked: (_path, error) => panics.push(error),
      },
    });
  });
  afterAll(() => server.close());

  const send = ({ method = "POST", headers = JSON_TYPE, payload }: Sent) =>
    server.inject({ method, url: rule.path, headers, ...(payload !== undefined && { payload }) });
  const good = { metadata: { name: "one" }, spec: GOOD_SPECS[rule.path] };
  const review = (change: object = {}) => reviewFor(rule, good, change);
  const ask = async (body: object): Promise<Record<string, unknown>> => {
    const reply = await send({ payload: body });
    expect(reply.statusCode).toBe(200);
    return reply.json<{ response: Record<string, unknown> }>().response;
  };

  it("what is good is allowed, created or changed", async () => {
    expect(GOOD_SPECS).toHaveProperty([rule.path]);
    expect(await ask(review())).toMatchObject({ uid: "1", allowed: true });
    const oldObject = { ...good, spec: { ...GOOD_SPECS[rule.path], other: 1 } };
    // Specs of jobs stay; that of an ImagePrePullJob is its template alone.
    const isFixed = rule.kind === "NodeUpgradeJob" || rule.kind === "ConfigUpdateJob";
    expect(await ask(review({ operation: "UPDATE", oldObject }))).toMatchObject({ allowed: !isFixed });
    expect(await ask(review({ operation: "UPDATE", oldObject: good }))).toMatchObject({ allowed: true });
    expect(await ask(review({ operation: "DELETE", object: undefined, oldObject: good }))).toMatchObject({
      allowed: true,
    });
  });

  it.each<Sent & { id: string; when: string; status: number; reason: string }>([
    ...(["GET", "PUT", "PATCH", "DELETE"] as const).map((method) => ({
      ...{ id: "B23", when: method, method, headers: {}, status: 405, reason: "METHOD" },
    })),
    {
      ...{ id: "B24", when: "text/plain", payload: "{}", headers: { "content-type": "text/plain" } },
      ...{ status: 415, reason: "CONTENT_TYPE" },
    },
    { id: "B25", when: "an empty body", payload: "", status: 400, reason: "MALFORMED" },
    ...["null", "[]", "1", '""'].map((payload) => ({
      ...{ id: "B26 S4", when: payload, payload, status: 400, reason: "NOT_AN_OBJECT" },
    })),
    { id: "S4", when: "{}", payload: {}, status: 400, reason: "BAD_VERSION" },
    {
      ...{ id: "B27", when: "no request", payload: { ...review(), request: undefined } },
      ...{ status: 400, reason: "NO_REQUEST" },
    },
    { id: "B28", when: "no uid", payload: review({ uid: undefined }), status: 400, reason: "BAD_UID" },
    {
      ...{ id: "B29", when: "a uid of 10 KiB", payload: review({ uid: "u".repeat(10_240) }) },
      ...{ status: 400, reason: "BAD_UID" },
    },
    {
      ...{ id: "B30", when: "version v9", payload: { ...review(), apiVersion: "admission.k8s.io/v9" } },
      ...{ status: 400, reason: "BAD_VERSION" },
    },
    {
      ...{ id: "B32", when: "a DELETE without oldObject", payload: review({ operation: "DELETE" }) },
      ...{ status: 400, reason: "BAD_REQUEST" },
    },
    {
      ...{ id: "B34", when: "a key twice", payload: JSON.stringify(review()).replace("{", '{"kind":"x",') },
      ...{ status: 400, reason: "MALFORMED" },
    },
    {
      ...{ id: "B35", when: "half a character", payload: JSON.stringify(review()).replace("one", "\\ud800") },
      ...{ status: 400, reason: "MALFORMED" },
    },
    {
      ...{ id: "B35", when: "bad UTF-8", payload: Buffer.from([0x22, 0xff, 0x22]) },
      ...{ status: 400, reason: "MALFORMED" },
    },
    {
      ...{ id: "B36", when: "7 MiB and a byte", payload: " ".repeat(LIMIT + 1) },
      ...{ status: 413, reason: "BODY_SIZE" },
    },
    {
      ...{ id: "B36", when: "a gzip body", payload: "x" },
      headers: { ...JSON_TYPE, "content-encoding": "gzip" },
      ...{ status: 415, reason: "ENCODING" },
    },
  ])("$id answers $when with $status", async ({ status, reason, ...sent }) => {
    refused.length = 0;
    expect((await send(sent)).statusCode).toBe(status);
    expect(refused).toEqual([reason]);
    expect(await ask(review())).toMatchObject({ allowed: true });
  });

  it("B31 denies what is of another kind", async () => {
    const other = rules.find(({ kind }) => kind !== rule.kind) ?? rule;
    const kind = { group: other.group, version: "v1", kind: other.kind };
    expect(await ask(review({ kind }))).toMatchObject({ allowed: false, status: { code: 400 } });
  });

  it("B33 decides the same of a dry run, which may be told more", async () => {
    for (const object of [good, { ...good, spec: {} }, { ...good, spec: { properties: "odd" } }]) {
      const { allowed, status } = (await ask(reviewFor(rule, object))) as {
        allowed: boolean;
        status?: object;
      };
      const dry = await ask(reviewFor(rule, object, { dryRun: true }));
      expect(dry).toMatchObject({ allowed, ...(status && { status }) });
    }
  });

  it("lets be what was stored without a spec that could be judged", async () => {
    const stored = { metadata: {}, spec: null };
    const response = await ask(reviewFor(rule, stored, { operation: "UPDATE", oldObject: stored }));
    expect(response).toMatchObject({ allowed: true });
    expect(panics).toEqual([]);
  });

  it("S16 S17 decides of any JSON at all, without a defect", async () => {
    const spec = GOOD_SPECS[rule.path] ?? {};
    const names = [...Object.keys(spec), "labelSelector", "tolerations", "imageDigestGatter", "concurrency"];
    const odd = fc.dictionary(fc.constantFrom(...names), fc.jsonValue(), { maxKeys: 6 });
    const nearly = odd.map((change) => ({ ...spec, ...change }));
    const metadata = fc.constantFrom<unknown>(
      { labels: { "app-offline.kubeedge.io": "autonomy" } },
      { labels: [] },
      { annotations: { "longshore.io/attempt": 7 } },
      { annotations: "longshore.io/attempt", deletionTimestamp: {} },
      null,
      {},
    );
    const object = fc.oneof(
      fc.jsonValue(),
      fc.record({ metadata, spec: fc.oneof(nearly, odd, fc.jsonValue()) }),
    );
    const operation = fc.constantFrom("CREATE", "UPDATE", "DELETE");
    await fc.assert(
      fc.asyncProperty(object, object, operation, async (now, before, op) => {
        const reply = await send({ payload: reviewFor(rule, now, { oldObject: before, operation: op }) });
        expect([200, 400]).toContain(reply.statusCode);
        expect(panics.splice(0)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});
