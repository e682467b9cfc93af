// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Text and type of a page; a page that throws is answered 500 with the error's message. */
export type Page = () => Promise<{ readonly text: string; readonly type: string }>;

export interface PlainListener {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Metrics or probes: fixed pages behind GET, no TLS, few connections.
 *
 * @param port 0 picks a free one
 */
export function listenPlain(
  host: string,
  port: number,
  pages: Readonly<Record<string, Page>>,
): Promise<PlainListener> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
    void answer(request, response, pages);
  });
  server.maxConnections = 64;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve({ port: (server.address() as AddressInfo).port, close }));
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  pages: Readonly<Record<string, Page>>,
): Promise<void> {
  request.resume();
  const path = (request.url ?? "/").split("?")[0] ?? "/";
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  if (page === undefined) return void response.writeHead(404).end("not found");
  if (request.method !== "GET" && request.method !== "HEAD") return void response.writeHead(405).end();
  try {
    const { text, type } = await page();
    response.writeHead(200, { "content-type": type }).end(text);
  } catch (error) {
    response.writeHead(500).end(error instanceof Error ? error.message : "failed");
  }
}
