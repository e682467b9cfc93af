// SPDX-License-Identifier: Apache-2.0
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Authority } from "./authority.ts";

export interface SeenRequest {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly node: string | undefined;
  readonly bytes: number;
  readonly peer: string | undefined;
}

export interface Cloud {
  readonly url: URL;
  readonly seen: SeenRequest[];
  close(): void;
}

const asTls = (socket: unknown): TLSSocket => socket as TLSSocket;

type Handler = (
  request: { body: Buffer; seen: SeenRequest },
  response: ServerResponse,
) => void | Promise<void>;

/** The join port of a cloud; `handlers` replace what it does by path. */
export async function startCloud(
  authority: Authority,
  handlers: Readonly<Record<string, Handler>> = {},
): Promise<Cloud> {
  const { cert, key } = await authority.server();
  const seen: SeenRequest[] = [];
  const standard: Record<string, Handler> = {
    "/ca.crt": (_request, response) => void response.end(authority.caDer),
    "/edge.crt": async ({ body }, response) => void response.end(await authority.sign(body)),
    ...handlers,
  };
  const onRequest = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const subject = asTls(request.socket).getPeerCertificate().subject as { CN?: string } | undefined;
    const path = request.url ?? "";
    const { authorization, nodename } = request.headers;
    const entry = {
      path,
      authorization,
      node: nodename as string | undefined,
      bytes: body.length,
      peer: subject?.CN,
    };
    seen.push(entry);
    await standard[path]?.({ body, seen: entry }, response);
  };
  // A node that joins has no certificate yet, so the port asks for one and does not insist.
  // eslint-disable-next-line no-restricted-syntax
  const options = { cert, key, ca: authority.caPem, requestCert: true, rejectUnauthorized: false };
  const server = createServer(
    options,
    (request, response) => void onRequest(request, response).catch(() => response.destroy()),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { url: new URL(`https://127.0.0.1:${port}`), seen, close };
}
