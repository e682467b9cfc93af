// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { KubeConfig } from "@kubernetes/client-node";

/**
 * Reads how to reach the API server and who we are there.
 *
 * @param path a kubeconfig; absent means the ServiceAccount of the pod that we run in
 * @throws Error when the file is missing, is no kubeconfig, or names no server; or there is neither file nor pod
 */
export function loadKubeConfig(path = ""): KubeConfig {
  const config = new KubeConfig();
  if (path === "") config.loadFromCluster();
  else config.loadFromFile(path);
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Error(`kubeconfig ${path} names no current cluster`);
  // Without a file it is made of variables that only pods have.
  if (!URL.canParse(cluster.server))
    throw new Error(path === "" ? "needed outside of a cluster" : `${path}: ${cluster.server} is no URL`);
  return config;
}

/** CA of the API server's own certificate, PEM; undefined when the kubeconfig names none. */
export function clusterCaOf(config: KubeConfig): string | undefined {
  const { caData, caFile } = config.getCurrentCluster() ?? {};
  if (caData !== undefined) return Buffer.from(caData, "base64").toString();
  return caFile === undefined ? undefined : readFileSync(caFile, "utf8");
}
