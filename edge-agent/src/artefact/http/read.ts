// SPDX-License-Identifier: Apache-2.0
import { ArtefactFault } from "../errors.ts";
import { unanswered, type Answer } from "./exchange.ts";

/** Reads a whole answer of at most so many bytes. @throws {ArtefactFault} LIMIT, REGISTRY */
export async function readBody(url: URL, { headers, body }: Answer, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    if (Number(headers["content-length"] ?? 0) > maxBytes) throw tooLarge(url, maxBytes);
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge(url, maxBytes);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    throw unanswered(url, error);
  } finally {
    body.destroy();
  }
}

const tooLarge = (url: URL, maxBytes: number): ArtefactFault =>
  new ArtefactFault("LIMIT", `${url.host} answers with more than ${maxBytes} bytes`);
