// SPDX-License-Identifier: Apache-2.0
import type { EdgeApplicationOverriders, LabelRequirement } from "../types.gen.ts";
import { attemptAll, type Attempt } from "./attempt.ts";
import { fail } from "./fault.ts";
import { canonicalJson, indexed, isFields, own, type Fields } from "./json.ts";
import type { Workload } from "./kinds.ts";
import { DEFAULT_RENDER_LIMITS, type RenderLimits } from "./limits.ts";
import {
  copiedWorkload,
  manifestField,
  manifestsOf,
  readManifest,
  titleOf,
  type Manifest,
} from "./manifest.ts";
import { finish } from "./metadata.ts";
import { checkName, versionLabel } from "./names.ts";
import { override, podSpecField, podSpecOf, type Copy } from "./overriders/index.ts";
import { place, placementOf, type Placement } from "./placement.ts";
import { limitUnavailable } from "./strategy.ts";
import type { Child, Rendered, RenderTargetInput } from "./types.ts";

/** The children of one target: a copy of each workload, and of each DaemonSet one more for each version. */
export function renderTarget(
  input: RenderTargetInput,
  limits: RenderLimits = DEFAULT_RENDER_LIMITS,
): Rendered {
  const attempts = manifestsOf(input.spec).flatMap((source, ordinal) => {
    const workload = copiedWorkload(source);
    if (workload === undefined) return [];
    return variantsOf(input, workload).map((variant): Attempt => {
      const { version } = variant;
      return {
        ordinal,
        target: input.target.name,
        ...(version !== undefined && { version }),
        title: titleOf(source),
        make: () =>
          makeCopy(input, readManifest(source, ordinal, input.owner, limits), { workload, variant, limits }),
      };
    });
  });
  return attemptAll(attempts, limits);
}

/** One of the objects that a manifest becomes for a target. */
interface Variant {
  readonly version?: string;
  readonly suffix: string;
  readonly requirements: readonly LabelRequirement[];
  readonly layers: readonly Layer[];
}

interface Layer {
  readonly field: string;
  readonly overriders: EdgeApplicationOverriders;
}

function variantsOf({ owner, spec, target }: RenderTargetInput, workload: Workload): Variant[] {
  const base: Layer = { field: "overriders", overriders: target.overriders };
  if (workload.kind !== "DaemonSet" || !spec.rollout) {
    return [{ suffix: target.name, requirements: [], layers: [base] }];
  }
  const key = versionLabel(owner);
  const versions = indexed(spec.rollout.versions).map(([index, { name, overriders }]): Variant => {
    const field = `rollout.versions[${String(index)}].overriders`;
    return {
      version: name,
      suffix: `${target.name}-${name}`,
      requirements: [{ key, operator: "In", values: [name] }],
      layers: [base, { field, overriders: overriders ?? {} }],
    };
  });
  const rest = { suffix: target.name, requirements: [{ key, operator: "DoesNotExist" }], layers: [base] };
  return [rest, ...versions];
}

interface CopyOptions {
  readonly workload: Workload;
  readonly variant: Variant;
  readonly limits: RenderLimits;
}

function makeCopy(
  input: RenderTargetInput,
  manifest: Manifest,
  { workload, variant, limits }: CopyOptions,
): Child {
  const { ordinal, apiVersion, kind, name: manifestName, fields, metadata } = manifest;
  const field = manifestField(ordinal);
  const name = `${manifestName}-${variant.suffix}`;
  checkName(apiVersion, kind, name, `${field}.metadata.name`);
  metadata["name"] = name;
  const copy: Copy = { workload, object: fields, manifestName, field };
  const placement = placementOf(input.target, variant.requirements);
  place(podSpecOf(copy), placement, podSpecField(copy));
  const guard = guardOf(copy, placement);
  for (const { field: at, overriders } of variant.layers)
    override(copy, overriders, { field: at, limits, guard });
  limitUnavailable(fields, kind, input.maxUnavailable);
  const { version } = variant;
  const patched = own(fields, "metadata") as Fields;
  return {
    ordinal,
    manifestName,
    target: input.target.name,
    ...(version !== undefined && { version }),
    object: finish({ ...manifest, metadata: patched }, input.owner),
  };
}

/** Overriders say how the pods differ, not which object it is, whose it is and where it runs. */
function guardOf(copy: Copy, placement: Placement): (field: string) => void {
  const before = identityOf(copy.object);
  return (field) => {
    if (identityOf(copy.object) !== before) {
      fail(
        field,
        "may not change apiVersion, kind, or the metadata's name, namespace or owners; change the manifest",
      );
    }
    const podSpec = canonicalJson(podSpecOf(copy));
    const placed = JSON.parse(podSpec) as Fields;
    place(placed, placement, podSpecField(copy));
    if (canonicalJson(placed) === podSpec) return;
    fail(
      field,
      "may not change which nodes the target has (nodeSelector, node affinity); change the workloadScope",
    );
  };
}

function identityOf(object: Fields): string {
  const metadata = own(object, "metadata");
  const held = isFields(metadata) ? metadata : {};
  const values = ["name", "namespace", "ownerReferences", "generateName"].map((key) => own(held, key));
  return canonicalJson([own(object, "apiVersion"), own(object, "kind"), ...values]);
}
