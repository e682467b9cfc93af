// SPDX-License-Identifier: Apache-2.0
import { createServer, type Server } from "node:http";
import { Counter, Gauge, type Registry } from "prom-client";
import type { AgentLog } from "./log.ts";
import type { StoreMetrics } from "./store/store.ts";
import type { TunnelMetrics } from "./tunnel/index.ts";

/** Counters of the store and the tunnel, as those see them. */
export interface AgentMetrics {
  readonly store: StoreMetrics;
  readonly tunnel: TunnelMetrics;
  /** Something that came by MQTT was not taken. */
  readonly rejectedMqtt: (reason: string) => void;
  /** A call of the local API was not taken. */
  readonly rejectedLocal: (reason: string) => void;
  /** A stream was asked for in a way that is not known here. */
  readonly malformedStream: (code: string) => void;
}

/** Registers what the agent counts outside the pod engine. Names are API. */
export function createAgentMetrics(registry: Registry): AgentMetrics {
  const registers = [registry];
  const rejects = new Counter({
    name: "edge_reject_total",
    help: "Frames, requests and rows that were not taken, by where and why.",
    labelNames: ["surface", "reason"],
    registers,
  });
  const stored = new Counter({
    name: "longshore_edge_stored_total",
    help: "Changes that the cloud sent, by what the store made of them.",
    labelNames: ["outcome"],
    registers,
  });
  const storeErrors = new Counter({
    name: "longshore_edge_store_errors_total",
    help: "Writes that failed, by code.",
    labelNames: ["code"],
    registers,
  });
  const dials = new Counter({
    name: "longshore_edge_dials_total",
    help: "Attempts to reach the hub, by result.",
    labelNames: ["result"],
    registers,
  });
  const connected = new Gauge({
    name: "longshore_edge_connected",
    help: "1 while a session is established.",
    registers,
  });
  const takeovers = new Counter({
    name: "longshore_edge_takeovers_total",
    help: "Sessions that another connection of this node ended.",
    registers,
  });
  const identityConflict = new Gauge({
    name: "longshore_edge_identity_conflict",
    help: "1 while another agent is known to use this node's certificate.",
    registers,
  });
  const streamed = new Counter({
    name: "longshore_edge_stream_bytes_total",
    help: "Bytes of streams that the session carried, up to the cloud or down from it.",
    labelNames: ["direction"],
    registers,
  });
  return {
    rejectedMqtt: (reason) => rejects.inc({ surface: "mqtt", reason }),
    rejectedLocal: (reason) => rejects.inc({ surface: "local-api", reason }),
    malformedStream: (code) => rejects.inc({ surface: "stream", reason: code }),
    store: {
      damaged: (what) => rejects.inc({ surface: "store", reason: `DAMAGED_${what.toUpperCase()}` }),
      failed: (code) => storeErrors.inc({ code }),
    },
    tunnel: {
      rejected: (surface, reason) => rejects.inc({ surface, reason }),
      stored: (outcome) => stored.inc({ outcome }),
      dialed: (result) => dials.inc({ result }),
      connected: (isConnected) => connected.set(isConnected ? 1 : 0),
      takenOver: () => takeovers.inc(),
      identityConflict: (isConflict) => identityConflict.set(isConflict ? 1 : 0),
      streamed: (direction, bytes) => streamed.inc({ direction }, bytes),
    },
  };
}

/** Serves `/metrics` and nothing else. An address that cannot be had is told and is no reason to end. */
export function serveMetrics(registry: Registry, address: string, log: AgentLog): Server {
  const colon = address.lastIndexOf(":");
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 }, (request, response) => {
    if (request.method !== "GET" || request.url !== "/metrics") return response.writeHead(404).end();
    registry.metrics().then(
      (text) => response.writeHead(200, { "Content-Type": registry.contentType }).end(text),
      (err: unknown) => {
        log.error({ err }, "metrics could not be collected");
        response.writeHead(500).end();
      },
    );
  });
  server.maxConnections = 16;
  server.on("error", (err) => log.error({ err, address }, "metrics are not served"));
  return server.listen(Number(address.slice(colon + 1)), address.slice(0, colon).replace(/^\[|\]$/g, ""));
}
