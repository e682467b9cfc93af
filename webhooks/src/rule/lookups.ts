// SPDX-License-Identifier: Apache-2.0
import { kinds } from "@longshore/crds/kinds";
import { schemas, type RuleEndpointSpec, type RuleSpec } from "@longshore/crds/rules";
import { isNotFound, type Client, type KubeObject } from "@longshore/operators/runtime";
import { fieldOf, misfit } from "../shape.ts";

export interface NamedRule {
  readonly name: string;
  readonly spec: RuleSpec;
}

/** What Rules and RuleEndpoints are judged by beside themselves. Neither rejects. */
export interface RuleLookups {
  /** As the API server has it now; `unknown` when it cannot be read. */
  endpoint(namespace: string, name: string): Promise<RuleEndpointSpec | "missing" | "unknown">;
  /** Rules of a namespace, the first thousand; `unknown` when they cannot be read. */
  rules(namespace: string): Promise<readonly NamedRule[] | "unknown">;
}

export type RuleResource = "rules" | "ruleendpoints";

/** Rules looked through: one page, so that a large namespace cannot hold an answer up. */
const MAX_RULES = 1_000;
/** Both fit into the webhook's timeout, one after the other. */
const TIMEOUT_MS = 1_000;
/** Reads at a time; more are answered `unknown`. */
const MAX_READS = 32;

/** Without an API server: nothing is known. */
export const unknownRules: RuleLookups = {
  endpoint: () => Promise.resolve("unknown"),
  rules: () => Promise.resolve("unknown"),
};

export function createRuleLookups(
  client: Pick<Client, "get" | "list">,
  failed: (resource: RuleResource, error: unknown) => void,
): RuleLookups {
  let running = 0;
  const bounded = async <T>(resource: RuleResource, read: () => Promise<T>): Promise<T | "unknown"> => {
    if (running >= MAX_READS) return "unknown";
    running++;
    try {
      return await read();
    } catch (error) {
      failed(resource, error);
      return "unknown";
    } finally {
      running--;
    }
  };
  return {
    endpoint: (namespace, name) => bounded("ruleendpoints", () => readEndpoint(client, { namespace, name })),
    rules: (namespace) => bounded("rules", () => readRules(client, namespace)),
  };
}

async function readEndpoint(
  client: Pick<Client, "get">,
  where: { readonly namespace: string; readonly name: string },
): Promise<RuleEndpointSpec | "missing"> {
  try {
    const found = await client.get<KubeObject & { spec?: RuleEndpointSpec }>(kinds.RuleEndpoint, where, {
      timeoutMs: TIMEOUT_MS,
    });
    return found.spec ?? "missing";
  } catch (error) {
    if (isNotFound(error)) return "missing";
    throw error;
  }
}

async function readRules(client: Pick<Client, "list">, namespace: string): Promise<NamedRule[]> {
  const options = { namespace, limit: MAX_RULES, timeoutMs: TIMEOUT_MS };
  const page = await client.list<KubeObject & { spec?: RuleSpec }>(kinds.Rule, options);
  const schema = fieldOf(schemas["Rule"], "spec");
  return page.items.flatMap(({ metadata, spec }) =>
    spec === undefined || misfit(schema, spec, "spec") !== undefined ? [] : [{ name: metadata.name, spec }],
  );
}
