// SPDX-License-Identifier: Apache-2.0
import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type RouteGenericInterface,
} from "fastify";
import { constants } from "node:crypto";
import type { Server, ServerOptions } from "node:https";
import type { KubeObject, Resource } from "../../runtime/client.ts";
import { isNotFound } from "../../runtime/errors.ts";
import { isNodeName, peerDer } from "../auth/index.ts";
import type { TlsMaterial } from "./authority.ts";
import { JoinError } from "./errors.ts";
import type { EventWindow } from "./failure-window.ts";
import { issueFor, type IssueDeps } from "./issue.ts";
import type { JoinDeps, JoinOptions } from "./options.ts";

const NODES: Resource = { group: "", version: "v1", plural: "nodes", kind: "Node", namespaced: false };
const DER_TYPE = "application/octet-stream";

type Request<T extends RouteGenericInterface = RouteGenericInterface> = FastifyRequest<T, Server>;
type Reply = FastifyReply<RouteGenericInterface, Server>;
type NodeRoute = { Params: { name: string } };

export interface ListenerDeps extends JoinDeps {
  readonly issue: IssueDeps;
  /** Failures, and lookups of nodes, of one address. */
  readonly failures: EventWindow;
  readonly lookups: EventWindow;
  readonly rejects: { inc(labels: { surface: string; reason: string }): void };
}

/** The HTTPS listener of the join port. */
export function createListener(deps: ListenerDeps, options: JoinOptions): FastifyInstance<Server> {
  const app = fastify<Server>({
    https: tlsOptions(deps.authority.tls, options),
    bodyLimit: options.maxBodyBytes,
    requestTimeout: options.requestTimeoutMs,
    maxRequestsPerSocket: options.maxRequestsPerSocket,
    forceCloseConnections: true,
  });
  // KubeEdge sends the signing request as the body of a GET, which HTTP libraries drop.
  app.addHttpMethod("GET", { hasBody: true, overrideExisting: true });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.setErrorHandler((error: FastifyError | JoinError, request, reply) =>
    refuse(error, { request, reply, deps }),
  );
  app.setNotFoundHandler((_request, reply) => reply.code(404).type("text/plain").send("not found"));
  addRoutes(app, deps);
  return app;
}

function addRoutes(app: FastifyInstance<Server>, deps: ListenerDeps): void {
  app.get("/ca.crt", (_request, reply) => reply.type(DER_TYPE).send(deps.authority.ca.certificate));
  app.get("/edge.crt", (request, reply) => giveCertificate(request, reply, deps));
  app.get<NodeRoute>("/node/:name", (request, reply) => tellNode(request, reply, deps));
}

/** A client certificate is asked for and not required: a new edge has none. What it proves is judged by `issueFor`. */
export function tlsOptions(tls: TlsMaterial, options: JoinOptions): ServerOptions {
  return {
    ...tls,
    headersTimeout: options.headersTimeoutMs,
    maxHeaderSize: options.maxHeaderBytes,
    minVersion: options.minTlsVersion,
    secureOptions: constants.SSL_OP_NO_TICKET,
    requestCert: true,
    // The exception: an edge without a certificate must get in. One that did not verify counts as none.
    // eslint-disable-next-line no-restricted-syntax
    rejectUnauthorized: false,
  };
}

async function giveCertificate(request: Request, reply: Reply, deps: ListenerDeps): Promise<void> {
  if (request.url.includes("?")) throw new JoinError(400, "query", "no query is allowed");
  const issued = await issueFor(
    {
      node: request.headers["nodename"],
      authorization: request.headers.authorization,
      usages: oneText(request.headers["extkeyusages"]),
      clientCertificate: peerDer(request.raw.socket),
      csr: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
    },
    deps.issue,
  );
  if (issued.by === "token") await forgetAcked(issued.node, deps);
  deps.log.info({ node: issued.node, by: issued.by }, "node certificate issued");
  await reply.type(DER_TYPE).send(issued.certificate);
}

/** Before the edge has the certificate, so that a crash between the two costs a second forgetting, not a lost one. */
async function forgetAcked(node: string, deps: ListenerDeps): Promise<void> {
  try {
    await deps.onIssuedByToken(node);
  } catch (error) {
    deps.log.warn({ node, err: error }, "join could not be recorded");
    throw new JoinError(503, "record", "try again later");
  }
}

/** What `keadm join` asks before it starts: it wants a 404. */
async function tellNode(request: Request<NodeRoute>, reply: Reply, deps: ListenerDeps): Promise<void> {
  const { name } = request.params;
  if (!isNodeName(name)) throw new JoinError(400, "node_name", "bad node name");
  if (deps.lookups.isOver(request.ip, deps.clock.nowMs()))
    throw new JoinError(429, "lookups", "too many requests");
  const isThere = await nodeExists(name, deps);
  await reply
    .code(isThere ? 200 : 404)
    .type("text/plain")
    .send(isThere ? "Node found" : "Node not found");
}

async function nodeExists(name: string, deps: ListenerDeps): Promise<boolean> {
  try {
    await deps.client.get<KubeObject>(NODES, { name }, { resourceVersion: "0" });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    deps.log.warn({ node: name, err: error }, "node lookup failed");
    throw new JoinError(500, "lookup", "the node could not be looked up");
  }
}

function refuse(
  error: FastifyError | JoinError,
  { request, reply, deps }: { request: Request; reply: Reply; deps: ListenerDeps },
): void {
  const known = error instanceof JoinError ? error : fromFastify(error);
  // Who succeeds behind the same address is not punished for others: only failures turn into 429.
  const isOver = known.status < 500 && deps.failures.isOver(request.ip, deps.clock.nowMs());
  const { status, reason, message } = isOver ? new JoinError(429, "failures", "too many failures") : known;
  deps.rejects.inc({ surface: "join", reason });
  const fields = { ip: request.ip, reason, cause: known.reason, status };
  if (status >= 500) deps.log.error({ ...fields, err: error }, "join request failed");
  else deps.log.warn(fields, "join request refused");
  void reply.code(status).type("text/plain").send(message);
}

function fromFastify(error: FastifyError): JoinError {
  if (error.statusCode === 413) return new JoinError(413, "body_size", "body too large");
  if (error.statusCode !== undefined && error.statusCode < 500)
    return new JoinError(400, "request", "bad request");
  return new JoinError(500, "internal", "internal error");
}

const oneText = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(",") : value;
