// SPDX-License-Identifier: Apache-2.0

/** A live hub and where its streams are reached by other hubs. */
export interface HubAddress {
  readonly hub: string;
  /** `host:port`, with brackets around an IPv6 address */
  readonly address: string;
}

/** The hubs' port to who holds which node, for what must reach a node through whichever hub has it. */
export interface Directory {
  /** Where other hubs reach this one; told with every heartbeat from now on. */
  announce(address: string): void;
  /**
   * Live hubs that may hold the node, the likeliest first, without this one: that of KubeEdge's stream tunnel, that
   * of the session. Throws DeliveryError UNAVAILABLE when Redis cannot be reached.
   */
  hubsOf(node: string): Promise<readonly HubAddress[]>;
  /** KubeEdge's stream tunnel of this node ends here now, whoever had it before. */
  holdTunnel(node: string, connection: string): Promise<void>;
  /** It does not any more, if it still was this connection's. */
  releaseTunnel(node: string, connection: string): Promise<void>;
}
