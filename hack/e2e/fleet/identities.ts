// SPDX-License-Identifier: Apache-2.0
import { createClient, loadKubeConfig, type Client, type KubeClient } from "@longshore/operators/runtime";

/** A client for each node that acts as its kubelet would: admission and rights look at who does something. */
export interface NodeClients {
  of(node: string): Client;
  close(): Promise<void>;
}

/** @param kubeconfig of somebody who may impersonate, as an administrator may */
export function createNodeClients(kubeconfig: string): NodeClients {
  const clients = new Map<string, KubeClient>();
  return {
    of(node) {
      const known = clients.get(node);
      if (known !== undefined) return known;
      const made = createClient({
        kubeConfig: actingAs(node, kubeconfig),
        userAgent: "longshore-fleet",
        maxConnections: 2,
      });
      clients.set(node, made);
      return made;
    },
    async close() {
      await Promise.all([...clients.values()].map((client) => client.close()));
    },
  };
}

/** A kubeconfig names a user to act as, but no groups. */
function actingAs(node: string, path: string): ReturnType<typeof loadKubeConfig> {
  const config = loadKubeConfig(path);
  const apply = config.applyToHTTPSOptions.bind(config);
  config.applyToHTTPSOptions = async (options) => {
    await apply(options);
    const user = { "Impersonate-User": `system:node:${node}`, "Impersonate-Group": "system:nodes" };
    options.headers = { ...(options.headers as Record<string, string>), ...user };
  };
  return config;
}
