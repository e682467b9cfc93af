// SPDX-License-Identifier: Apache-2.0
import type { HttpTarget, Sample, Secrets, Sink } from "../port.ts";
import { checkStatus, createPostSession } from "./post.ts";
import { secondsOf } from "./time.ts";

/** The form that KubeEdge's mappers post, with its parts escaped: `temperature=21.5&time=2023-11-14+22%3A13%3A20`. */
export const formOf = ({ property, text, atMs }: Sample): string =>
  new URLSearchParams([
    [property, text],
    ["time", secondsOf(atMs)],
  ]).toString();

/** Posts each sample as a form. A secret `token` is sent as a bearer token. */
export function createHttpSink({ endpoint }: HttpTarget, secrets: Secrets): Sink<HttpTarget> {
  const session = createPostSession({
    ...{ kind: "http", endpoint, secrets, contentType: "application/x-www-form-urlencoded" },
    authorize: async (read) => {
      const token = await read("token");
      return token === undefined ? undefined : `Bearer ${token}`;
    },
  });
  return {
    maxBatch: 1, // a form has room for one; a second could fail after the first was taken
    send: async (batch, signal) => {
      for (const { sample, target } of batch) {
        const bound =
          target.timeoutMs === undefined
            ? signal
            : AbortSignal.any([signal, AbortSignal.timeout(target.timeoutMs)]);
        const { status } = await session.post({ path: target.path, body: formOf(sample), signal: bound });
        checkStatus(status);
      }
    },
    close: () => session.close(),
  };
}
