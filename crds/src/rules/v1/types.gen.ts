// SPDX-License-Identifier: Apache-2.0
// Generated from crds/manifests. Do not edit: run `npx node hack/generate/index.ts`.
import type { Condition, ObjectMeta } from "../../meta.ts";

export interface RuleEndpointSpec {
  /** Settings, for example service_port of a servicebus. */
  properties?: {
    [k: string]: string;
  };
  /** Where messages come from or go to. */
  ruleEndpointType: "rest" | "eventbus" | "servicebus";
}

/** A place that a Rule takes messages from or hands them to. */
export interface RuleEndpoint {
  apiVersion: "rules.kubeedge.io/v1";
  kind: "RuleEndpoint";
  metadata: ObjectMeta;
  /** What is wanted. */
  spec?: RuleEndpointSpec;
}

export interface RuleSpec {
  /** Name of the source RuleEndpoint, in this namespace. */
  source: string;
  /** What of the source; keys depend on its type (path; topic and node_name; target_url and node_name). */
  sourceResource: {
    [k: string]: string;
  };
  /** Name of the target RuleEndpoint, in this namespace. */
  target: string;
  /** What of the target; keys depend on its type (resource; topic; path). */
  targetResource: {
    [k: string]: string;
  };
}

export interface RuleStatus {
  /** Latest errors. */
  errors?: string[];
  /** Messages lost. */
  failMessages?: number;
  /** Messages handed over. */
  successMessages?: number;
  /** The latest observations, one of each type. */
  conditions?: Condition[];
}

/** Carries messages from a source endpoint to a target endpoint. */
export interface Rule {
  apiVersion: "rules.kubeedge.io/v1";
  kind: "Rule";
  metadata: ObjectMeta;
  /** What is wanted. */
  spec?: RuleSpec;
  /** What was observed. Written by the system. */
  status?: RuleStatus;
}
