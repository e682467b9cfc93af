// SPDX-License-Identifier: Apache-2.0
import { attemptAll } from "./attempt.ts";
import { fail, quoted } from "./fault.ts";
import { isKubernetesOwn } from "./kinds.ts";
import { DEFAULT_RENDER_LIMITS, type RenderLimits } from "./limits.ts";
import { isCopied, manifestField, manifestsOf, readManifest, titleOf } from "./manifest.ts";
import { finish } from "./metadata.ts";
import { checkName } from "./names.ts";
import type { Child, Owner, Rendered, RenderedSpec } from "./types.ts";

/** What of an application exists once: all that is not copied for each target, and faults of what is nothing at all. */
export function renderShared(
  { owner, spec }: { readonly owner: Owner; readonly spec: RenderedSpec },
  limits: RenderLimits = DEFAULT_RENDER_LIMITS,
): Rendered {
  const attempts = manifestsOf(spec).flatMap((source, ordinal) =>
    isCopied(source)
      ? []
      : [{ ordinal, title: titleOf(source), make: () => makeOne(source, ordinal, owner, limits) }],
  );
  return attemptAll(attempts, limits);
}

function makeOne(source: unknown, ordinal: number, owner: Owner, limits: RenderLimits): Child {
  const manifest = readManifest(source, ordinal, owner, limits);
  if (isKubernetesOwn(manifest, owner.namespace)) {
    fail(
      `${manifestField(ordinal)}.metadata.name`,
      `is ${quoted(manifest.name)}, Kubernetes' own; use another name`,
    );
  }
  checkName(manifest.apiVersion, manifest.kind, manifest.name, `${manifestField(ordinal)}.metadata.name`);
  return { ordinal, manifestName: manifest.name, object: finish(manifest, owner) };
}
