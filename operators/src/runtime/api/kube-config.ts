// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { KubeConfig } from "@kubernetes/client-node";

/**
 * Reads how to reach the API server and who we are there.
 *
 * @param path a kubeconfig; absent means the ServiceAccount of the pod that we run in
 * @throws Error when the file is missing, is no kubeconfig, or names no server
 */
export function loadKubeConfig(path?: string): KubeConfig {
  const config = new KubeConfig();
  if (path === undefined || path === "") config.loadFromCluster();
  else config.loadFromFile(path);
  if (!config.getCurrentCluster())
    throw new Error(`kubeconfig ${path ?? "(in cluster)"} names no current cluster`);
  return config;
}

/** CA of the API server's own certificate, PEM; undefined when the kubeconfig names none. */
export function clusterCaOf(config: KubeConfig): string | undefined {
  const { caData, caFile } = config.getCurrentCluster() ?? {};
  if (caData !== undefined) return Buffer.from(caData, "base64").toString();
  return caFile === undefined ? undefined : readFileSync(caFile, "utf8");
}
