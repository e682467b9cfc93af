// SPDX-License-Identifier: Apache-2.0
import { SinkError, type OtelTarget, type Secrets, type Sink } from "../port.ts";
import { encodeMetrics, rejectedPoints } from "./otlp.ts";
import { basic, checkStatus, createPostSession } from "./post.ts";

/** Where OTLP/HTTP takes metrics when an address has no path. */
const USUAL_PATH = "/v1/metrics";

/**
 * Exports gauges by OTLP/HTTP in protobuf. The secret `token` is sent as a bearer token, else `username` and
 * `password` as Basic. A point that is sent again replaces itself: it has the same time.
 */
export function createOtelSink({ endpoint, path: given }: OtelTarget, secrets: Secrets): Sink<OtelTarget> {
  const path = given === "" || given.startsWith("?") ? `${USUAL_PATH}${given}` : given;
  const session = createPostSession({
    ...{ kind: "otel", endpoint, secrets, contentType: "application/x-protobuf" },
    authorize: async (read) => {
      const [token, username, password] = await Promise.all(["token", "username", "password"].map(read));
      if (token !== undefined) return `Bearer ${token}`;
      return username === undefined ? undefined : basic(username, password ?? "");
    },
  });
  return {
    send: async (batch, signal) => {
      const request = encodeMetrics(batch.map(({ sample }) => sample));
      const { status, body } = await session.post({ path, body: request, signal });
      checkStatus(status);
      // Told apart by sending fewer: a batch that is halved sends again what was taken, which changes nothing.
      if (rejectedPoints(body) > 0) throw new SinkError("REFUSED", "the server took a part only");
    },
    close: () => session.close(),
  };
}
