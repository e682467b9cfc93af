// SPDX-License-Identifier: Apache-2.0
import { createCa, issueServing } from "./issue.ts";
import { factsOf, type Issue, type Material } from "./material.ts";
import type { Step } from "./plan.ts";

export interface Lives {
  readonly caLifeMs: number;
  readonly servingLifeMs: number;
}

export interface StepInput {
  readonly nowMs: number;
  readonly hosts: readonly string[];
  readonly lives: Lives;
  readonly servedCa: string | undefined;
}

/** Replicas of two versions may want other names: a certificate is for both, up to this many. */
const MAX_HOSTS = 64;

/** What the Secret holds after a step. */
export async function takeStep(
  step: Exclude<Step, "keep" | "create">,
  old: Material,
  input: StepInput,
): Promise<Material> {
  const { nowMs, servedCa } = input;
  switch (step) {
    case "stage":
      return { ...old, next: await newIssue(input, old) };
    case "promote":
      return promoted(old, nowMs);
    case "renew":
      return await renewed(old, input);
    case "trust":
      return {
        ...old,
        retired: [...old.retired, ...(servedCa === undefined ? [] : [servedCa])],
        retiredAtMs: nowMs,
      };
    case "retire":
      return { ...old, retired: [] };
  }
}

/** The first certificates. */
export async function newMaterial(input: StepInput): Promise<Material> {
  return { ...(await newIssue(input)), retired: [], retiredAtMs: 0 };
}

async function newIssue(input: StepInput, old?: Material): Promise<Issue> {
  const { nowMs, lives } = input;
  const ca = await createCa(nowMs, lives.caLifeMs);
  const hosts = hostsFor(input, old);
  return { ca, serving: await issueServing(ca, hosts, { nowMs, lifeMs: lives.servingLifeMs }) };
}

function promoted({ next, ...old }: Material, nowMs: number): Material {
  if (next === undefined) return old;
  return { ...next, retired: [...old.retired, old.ca.certificate], retiredAtMs: nowMs };
}

async function renewed(old: Material, input: StepInput): Promise<Material> {
  const life = { nowMs: input.nowMs, lifeMs: input.lives.servingLifeMs };
  const hosts = hostsFor(input, old);
  const again = async ({ ca }: Issue): Promise<Issue> => ({
    ca,
    serving: await issueServing(ca, hosts, life),
  });
  return { ...old, ...(await again(old)), ...(old.next && { next: await again(old.next) }) };
}

function hostsFor({ hosts }: StepInput, old: Material | undefined): string[] {
  const before = old === undefined ? [] : factsOf(old.serving.certificate).hosts;
  return [...new Set([...hosts, ...before])].slice(0, Math.max(hosts.length, MAX_HOSTS));
}
