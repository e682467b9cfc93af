// SPDX-License-Identifier: Apache-2.0
import type { StreamOpener } from "@longshore/crds/stream";
import type { Registry } from "prom-client";
import type { Directory } from "../delivery/directory.ts";
import type { Client, Clock, Log } from "../runtime/index.ts";
import type { StreamServerOptions } from "./options.ts";

/** PEM. `ca` is the CA of the edges, which signs the hubs' certificates too; several during a change of CA. */
export interface StreamTls {
  readonly ca: string | readonly string[];
  readonly cert: string;
  readonly key: string;
  /** What other hubs are shown, who believe `ca` alone; absent: `cert` and `key`, which `ca` has signed then. */
  readonly forHubs?: { readonly cert: string; readonly key: string };
}

/** This hub's client certificate towards other hubs (O=longshore:hubs), PEM. */
export interface PeerCredential {
  readonly cert: string;
  readonly key: string;
}

export interface StreamServerDeps {
  /** This hub's id, for logs. */
  readonly hub: string;
  readonly tls: StreamTls;
  /** @returns stops telling */
  readonly onTlsChange?: (listener: (tls: StreamTls) => void) => () => void;
  /** Asked for each connection to another hub. */
  readonly peer: () => PeerCredential;
  /** CA of the API server's own certificate, PEM; believed for clients where the cluster names no client CA. */
  readonly clusterCa?: string | undefined;
  readonly client: Pick<Client, "get">;
  readonly directory: Pick<Directory, "hubsOf">;
  /** The streams of a node whose session, or stream tunnel of KubeEdge, ends at this hub. */
  readonly openerOf: (node: string) => StreamOpener | undefined;
  /** Does a session of the node end here, with streams or without? Absent: as `openerOf` says. */
  readonly hasSession?: (node: string) => boolean;
  readonly log: Log;
  readonly registry: Registry;
  /** default the system's */
  readonly clock?: Clock;
  readonly options?: Partial<StreamServerOptions>;
}

/** The kubelet API of all nodes, for the API server (port 10003), and for the other hubs. */
export interface StreamServer {
  /**
   * Listens as soon as it is known whom to trust, which may be later: resolves at once.
   *
   * @throws when the listener cannot be made, only if that is known by then
   */
  start(): Promise<void>;
  /** Ends all streams. */
  stop(): Promise<void>;
  /** 0 until it listens */
  readonly port: number;
}
