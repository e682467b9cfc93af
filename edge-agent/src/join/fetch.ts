// SPDX-License-Identifier: Apache-2.0
import { request, type RequestOptions } from "node:https";
import { JoinError } from "./errors.ts";

/** An HTTP answer, read to its end. */
export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** What to ask whom, and how much to take. */
export interface FetchOptions {
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly tls: Pick<RequestOptions, "ca" | "cert" | "key" | "rejectUnauthorized">;
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/**
 * One GET over HTTPS, with a body where there is one (fetch() cannot), with bounded time and size.
 *
 * @throws {JoinError} NETWORK when nobody answered, ANSWER when the answer is larger than `maxBytes`
 */
export function get(options: FetchOptions): Promise<Answer> {
  const { url, body, headers = {}, tls, maxBytes, timeoutMs } = options;
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "Content-Length": String(body.length) };
    const signal = AbortSignal.timeout(timeoutMs);
    const req = request(url, {
      method: "GET",
      headers: { ...headers, ...length },
      agent: false,
      signal,
      ...tls,
    });
    const fail = (error: Error): void => {
      req.destroy();
      reject(
        error instanceof JoinError
          ? error
          : new JoinError("NETWORK", `${url.host}: ${error.message}`, { cause: error }),
      );
    };
    req.on("error", fail);
    req.on("response", (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxBytes)
          fail(new JoinError("ANSWER", `${url.pathname} is larger than ${maxBytes} bytes`));
        else chunks.push(chunk);
      });
      response.on("error", fail);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
    });
    req.end(body);
  });
}
