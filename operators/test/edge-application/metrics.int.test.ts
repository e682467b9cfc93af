// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMetrics } from "../../src/edge-application/rollout/metrics.ts";
import { createTestCa } from "../hub/support/pki.ts";
import { eventually } from "../runtime/eventually.ts";
import { startPrometheus, type TestPrometheus } from "./prometheus.ts";

const never = new AbortController().signal;

describe("checks measured by a real Prometheus", () => {
  let dir: string;
  let caFile: string;
  let otherCaFile: string;
  let plain: TestPrometheus;
  let secure: TestPrometheus;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "longshore-metrics-"));
    const [ca, other] = [await createTestCa(), await createTestCa("CN=other")];
    const { cert, key } = await ca.server();
    const write = async (name: string, text: string): Promise<string> => {
      await writeFile(join(dir, name), text);
      return join(dir, name);
    };
    caFile = await write("ca.pem", ca.cert);
    otherCaFile = await write("other.pem", other.cert);
    const tls = { cert: await write("tls.crt", cert), key: await write("tls.key", key) };
    [plain, secure] = await Promise.all([
      startPrometheus(),
      startPrometheus({ tls, routePrefix: "/metrics" }),
    ]);
  }, 120_000);
  afterAll(async () => {
    await Promise.all([plain.stop(), secure.stop()]);
    await rm(dir, { recursive: true, force: true });
  });

  it("A38 measures what an exporter shows, and what it shows next", async () => {
    const metrics = createMetrics({ url: `http://127.0.0.1:${plain.port}` });
    for (const errors of [3, 41.5]) {
      plain.show(`errors_total{site="a"} ${errors}\nerrors_total{site="b"} 1`);
      await eventually(async () => {
        expect(await metrics.query("sum(errors_total)", never)).toEqual({ value: errors + 1 });
      });
    }
  });

  it.each([
    { query: "vector(0.25)", want: 0.25 },
    { query: "1 + 1", want: 2 },
    { query: "-1e21", want: -1e21 },
    { query: "time() > bool 0", want: 1 },
    { query: "vector(7)", padding: " ".repeat(60_000), want: 7 },
  ])("takes the one number of $query", async ({ query, padding = "", want }) => {
    const metrics = createMetrics({ url: `http://127.0.0.1:${plain.port}/` });
    expect(await metrics.query(`${query}${padding}`, never)).toEqual({ value: want });
  });

  it.each([
    { query: "no_such_metric", says: /finds nothing.*or vector\(0\)/ },
    { query: 'label_replace(vector(1), "a", "1", "", "") or vector(2)', says: /gives 2 values.*sum/ },
    { query: "up[1m]", says: /range.*avg_over_time/ },
    { query: '"text"', says: /gives a text/ },
    { query: "0 / 0", says: /gives NaN.*dividing by 0/ },
    { query: "vector(-1) / 0", says: /gives -Inf/ },
    { query: "sum(", says: /refuses the query: bad_data: .*parse error/ },
    { query: "", says: /refuses the query: bad_data/ },
  ])("says what to change in $query", async ({ query, says }) => {
    const metrics = createMetrics({ url: `http://127.0.0.1:${plain.port}` });
    expect(await metrics.query(query, never)).toEqual({ error: expect.stringMatching(says) });
  });

  it("A38 asks over TLS, below a path, a server that the configured CA vouches for, and no other", async () => {
    const url = `https://127.0.0.1:${secure.port}/metrics/`;
    expect(await createMetrics({ url, caFile }).query("1", never)).toEqual({ value: 1 });
    for (const wrong of [{ caFile: otherCaFile }, {}]) {
      const measured = await createMetrics({ url, ...wrong }).query("1", never);
      expect(measured).toEqual({ error: expect.stringMatching(/cannot be reached \([A-Z_]+\)/) });
    }
  });
});
