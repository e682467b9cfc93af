// SPDX-License-Identifier: Apache-2.0
import { hubMetricsUrl } from "../cluster/cloud.ts";
import type { Layout } from "../cluster/layout.ts";

type HubName = "hub" | "hub-b";

/** Sum of a metric over its labels that match, as a hub tells it now; 0 when it has never been set. */
export async function metricOf(layout: Layout, hub: HubName, name: string, labels = ""): Promise<number> {
  const response = await fetch(hubMetricsUrl(layout, hub));
  const lines = (await response.text()).split("\n");
  return lines
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => line.includes(labels))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

/** Streams that are open at a hub. */
export const activeStreams = (layout: Layout, hub: HubName): Promise<number> =>
  metricOf(layout, hub, "longshore_stream_active");
