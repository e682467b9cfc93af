// SPDX-License-Identifier: Apache-2.0
import type { HttpTarget, Sample, Secrets, Sink } from "../port.ts";
import { checkStatus, createPoster } from "./post.ts";

/** `2023-11-14 22:13:20`, in UTC. */
const timeOf = (atMs: number): string => new Date(atMs).toISOString().slice(0, 19).replace("T", " ");

/** The form that KubeEdge's mappers post, with its parts escaped: `temperature=21.5&time=2023-11-14+22%3A13%3A20`. */
export const formOf = ({ property, text, atMs }: Sample): string =>
  new URLSearchParams([
    [property, text],
    ["time", timeOf(atMs)],
  ]).toString();

/** Posts each sample as a form. A secret `token` is sent as a bearer token. */
export function createHttpSink({ endpoint }: HttpTarget, secrets: Secrets): Sink<HttpTarget> {
  const poster = createPoster(endpoint);
  let headers: Record<string, string> | undefined;

  async function connect(): Promise<Record<string, string>> {
    const token = await secrets.read("http", endpoint, "token");
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return { "content-type": "application/x-www-form-urlencoded", ...authorization };
  }

  return {
    maxBatch: 1, // a form has room for one; a second could fail after the first was taken
    send: async (batch, signal) => {
      headers ??= await connect();
      for (const { sample, target } of batch) {
        const bound =
          target.timeoutMs === undefined
            ? signal
            : AbortSignal.any([signal, AbortSignal.timeout(target.timeoutMs)]);
        checkStatus(await poster.post({ path: target.path, headers, body: formOf(sample), signal: bound }));
      }
    },
    close: () => poster.close(),
  };
}
