// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { apiCalls, deviceWrites, clientWrites, minus } from "../../bench/api-calls.ts";
import { judge, table } from "../../bench/bars.ts";

describe("figures and their bars", () => {
  it.each([
    { name: "hub.kib_per_conn", value: 75.04, holds: true },
    { name: "hub.kib_per_conn", value: 75.06, holds: false },
    { name: "hub.unique_msgs_per_cpu_s", value: 3_999.4, holds: false },
    { name: "hub.unique_msgs_per_cpu_s", value: 4_000, holds: true },
  ] as const)("$name of $value holds: $holds", ({ name, value, holds }) => {
    expect(judge([{ name, value }])[0]?.holds).toBe(holds);
  });

  it("says in the table which bar was missed", () => {
    const text = table(judge([{ name: "pod.start_p50_s", value: 0.9 }]));
    expect(text).toMatch(/pod\.start_p50_s\s+0\.9\s+s\s+≤ 0\.8\s+✗ missed/);
  });
});

describe("calls to the API server", () => {
  const line = (verb: string, resource: string, value: number): string =>
    `apiserver_request_total{code="200",group="",resource="${resource}",subresource="",verb="${verb}",version="v1"} ${value}`;

  it("counts writes and reads of resources, and no watches, health checks or metrics", () => {
    const text = [
      "# TYPE apiserver_request_total counter",
      line("GET", "pods", 5),
      line("LIST", "pods", 2),
      line("WATCH", "pods", 100),
      line("GET", "", 50),
      line("PATCH", "pods", 3),
      line("APPLY", "objectsyncs", 4),
      `apiserver_request_duration_seconds_count{verb="GET",resource="pods"} 9`,
    ].join("\n");
    expect(apiCalls(text)).toEqual({ writes: 7, reads: 7 });
  });

  it("tells the writes of DeviceStatuses from all others", () => {
    const text = [
      line("PATCH", "devicestatuses", 3),
      line("POST", "devicestatuses", 2),
      line("PATCH", "pods", 9),
    ];
    expect(deviceWrites([...text, line("LIST", "devicestatuses", 7)].join("\n"))).toBe(5);
  });

  it("counts what a process wrote, and not its Lease", () => {
    const methods = ["GET", "POST", "PATCH", "DELETE", "PUT"];
    const lines = methods.map(
      (method) => `rest_client_requests_total{code="200",method="${method}",host="h"} 2`,
    );
    expect(clientWrites(lines.join("\n"))).toBe(6);
  });

  it("subtracts what was there before", () => {
    expect(minus({ writes: 5, reads: 9 }, { writes: 2, reads: 3 })).toEqual({ writes: 3, reads: 6 });
  });
});
