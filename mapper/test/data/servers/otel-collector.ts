// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Certificates } from "./certificates.ts";
import { makeDir, startProcess, type TestProcess } from "./process.ts";

/** A gauge of one device, as a collector understood it. */
export interface Gauge {
  readonly resource: Readonly<Record<string, string | undefined>>;
  readonly scope: string;
  readonly name: string;
  readonly points: readonly { readonly timeUnixNano: string; readonly asDouble: number }[];
}

/** A real OpenTelemetry collector. */
export interface OtelCollector extends TestProcess {
  /** What each request held that it took, in its order. */
  requests(): readonly (readonly Gauge[])[];
}

export interface CollectorOptions {
  /** Whom it takes requests of; without it, of everybody. */
  readonly user?: { readonly name: string; readonly password: string };
  readonly tls?: Certificates;
}

export async function startCollector(
  program: string,
  options: CollectorOptions = {},
): Promise<OtelCollector> {
  const dir = makeDir("otel-collector");
  const [config, lines] = [join(dir, "config.json"), join(dir, "lines")];
  const server = await startProcess({
    ...{ command: program, dir },
    args: (port) => {
      writeFileSync(config, JSON.stringify(configOf(port, lines, options))); // JSON is YAML
      return ["--config", `file:${config}`];
    },
  });
  const requests = (): Gauge[][] => {
    const text = existsSync(lines) ? readFileSync(lines, "utf8") : "";
    const whole = text.split("\n").filter((line) => line !== "");
    return whole.map((line) => gaugesOf(JSON.parse(line) as Request));
  };
  return { ...server, requests };
}

function configOf(port: number, path: string, { user, tls }: CollectorOptions): object {
  const http = {
    endpoint: `127.0.0.1:${port}`,
    ...(user && { auth: { authenticator: "user" } }),
    ...(tls && { tls: { cert_file: tls.cert, key_file: tls.key } }),
  };
  return {
    receivers: { otlp: { protocols: { http } } },
    exporters: { lines: { path } },
    ...(user && { extensions: { user } }),
    service: {
      extensions: user ? ["user"] : [],
      pipelines: { metrics: { receivers: ["otlp"], exporters: ["lines"] } },
    },
  };
}

/** As much of OTLP's JSON as gauges have; what is empty is left out of it. */
interface Request {
  readonly resourceMetrics?: readonly {
    readonly resource: {
      readonly attributes?: readonly { key: string; value: { stringValue?: string } }[];
    };
    readonly scopeMetrics?: readonly {
      readonly scope: { readonly name?: string };
      readonly metrics?: readonly {
        readonly name?: string;
        readonly gauge?: { readonly dataPoints?: readonly { timeUnixNano?: string; asDouble: number }[] };
      }[];
    }[];
  }[];
}

const gaugesOf = ({ resourceMetrics = [] }: Request): Gauge[] =>
  resourceMetrics.flatMap(({ resource, scopeMetrics = [] }) =>
    scopeMetrics.flatMap(({ scope, metrics = [] }) =>
      metrics.map(({ name = "", gauge }) => ({
        resource: Object.fromEntries(
          (resource.attributes ?? []).map(({ key, value }) => [key, value.stringValue]),
        ),
        ...{
          scope: scope.name ?? "",
          name,
          points: (gauge?.dataPoints ?? []).map((point) => ({ timeUnixNano: "0", ...point })),
        },
      })),
    ),
  );
