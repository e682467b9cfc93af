// SPDX-License-Identifier: Apache-2.0
import { SinkError, type Delivery, type Influxdb2Target, type Secrets, type Sink } from "../port.ts";
import { checkStatus, createPostSession } from "./post.ts";

const escapeMeasurement = (text: string): string => text.replace(/[, ]/g, "\\$&");
const escapeKey = (text: string): string => text.replace(/[,= ]/g, "\\$&");
const escapeString = (text: string): string => text.replace(/["\\]/g, "\\$&");

/**
 * One line of line protocol. The value is a string field, as KubeEdge's mappers write it, so that what one wrote before
 * keeps its type; tags are sorted, which spares the server doing it.
 */
export function lineOf({ sample, target }: Delivery<Influxdb2Target>): string {
  const tags = Object.entries(target.tags)
    .filter(([, value]) => value !== "")
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `,${escapeKey(key)}=${escapeKey(value)}`);
  const field = `${escapeKey(target.fieldKey)}="${escapeString(sample.text)}"`;
  return `${escapeMeasurement(target.measurement)}${tags.join("")} ${field} ${Math.trunc(sample.atMs)}`;
}

/** Writes to InfluxDB 2 (`POST /api/v2/write`, milliseconds) with the secret `token`. */
export function createInfluxdb2Sink(
  { endpoint, basePath, org, bucket }: Influxdb2Target,
  secrets: Secrets,
): Sink<Influxdb2Target> {
  const query = new URLSearchParams({ org, bucket, precision: "ms" });
  const path = `${basePath}/api/v2/write?${query.toString()}`;
  const session = createPostSession({
    ...{ kind: "influxdb2", endpoint, secrets, contentType: "text/plain; charset=utf-8" },
    authorize: async (read) => {
      const token = await read("token");
      return token === undefined ? undefined : `Token ${token}`;
    },
  });
  return {
    send: async (batch, signal) => {
      const { status } = await session.post({ path, body: batch.map(lineOf).join("\n"), signal });
      // No such bucket or organisation: it may yet be made, and the samples are good.
      if (status === 404) throw new SinkError("UNAVAILABLE", "the server answered 404");
      checkStatus(status);
    },
    close: () => session.close(),
  };
}
