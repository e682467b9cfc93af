// SPDX-License-Identifier: Apache-2.0
import { type Pod, podNamespace } from "../model/index.ts";

/** A resolver configuration. */
export interface ResolvConf {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

/** The resolver of the cluster. */
export interface ClusterDns {
  readonly servers: readonly string[];
  /** `cluster.local` */
  readonly domain: string;
}

const MAX_SERVERS = 3;
const MAX_SEARCHES = 32;

/** Reads a resolv.conf. The last `search` and `options` lines win, as in libc. */
export function parseResolvConf(text: string): ResolvConf {
  const lines = text.split("\n").map((line) => line.trim().split(/\s+/));
  const last = (word: string): readonly string[] => lines.findLast(([w]) => w === word)?.slice(1) ?? [];
  const servers = lines.filter(([w]) => w === "nameserver").map(([, server]) => server ?? "");
  return { servers: servers.filter(Boolean), searches: last("search"), options: last("options") };
}

const unique = (list: readonly string[]): string[] => [...new Set(list)];

function policyOf(pod: Pod, cluster: ClusterDns): "None" | "Cluster" | "Host" {
  const policy = pod.spec.dnsPolicy ?? "ClusterFirst";
  if (policy === "None") return "None";
  const wantsCluster =
    policy === "ClusterFirstWithHostNet" || (policy === "ClusterFirst" && pod.spec.hostNetwork !== true);
  return wantsCluster && cluster.servers.length > 0 ? "Cluster" : "Host";
}

function basis(pod: Pod, cluster: ClusterDns, host: ResolvConf): ResolvConf {
  const policy = policyOf(pod, cluster);
  if (policy === "None") return { servers: [], searches: [], options: [] };
  if (policy === "Host") return host;
  const domain = cluster.domain;
  const own = domain === "" ? [] : [`${podNamespace(pod)}.svc.${domain}`, `svc.${domain}`, domain];
  return { servers: cluster.servers, searches: [...own, ...host.searches], options: ["ndots:5"] };
}

/** The resolver configuration of a pod by its dnsPolicy and dnsConfig, within the limits of libc. */
export function dnsOf(pod: Pod, cluster: ClusterDns, host: ResolvConf): ResolvConf {
  const base = basis(pod, cluster, host);
  const extra = pod.spec.dnsConfig;
  const options = (extra?.options ?? []).map((o) => (o.value ? `${o.name}:${o.value}` : o.name));
  const overridden = new Set((extra?.options ?? []).map((o) => o.name));
  return {
    servers: unique([...base.servers, ...(extra?.nameservers ?? [])]).slice(0, MAX_SERVERS),
    searches: unique([...base.searches, ...(extra?.searches ?? [])]).slice(0, MAX_SEARCHES),
    options: [...base.options.filter((o) => !overridden.has(o.split(":")[0] ?? "")), ...options],
  };
}
