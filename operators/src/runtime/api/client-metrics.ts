// SPDX-License-Identifier: Apache-2.0
import { Counter, type Registry } from "prom-client";

export interface ClientMetrics {
  readonly requests: Counter<"code" | "method" | "host">;
}

/** client-go's counter of calls; `code` is "<error>" when no answer came. */
export function createClientMetrics(registry: Registry): ClientMetrics {
  const requests = new Counter({
    name: "rest_client_requests_total",
    help: "Calls to the API server, by HTTP status code, method and host",
    labelNames: ["code", "method", "host"],
    registers: [registry],
  });
  return { requests };
}
