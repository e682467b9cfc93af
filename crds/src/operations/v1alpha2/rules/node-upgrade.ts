// SPDX-License-Identifier: Apache-2.0
import type { RuleViolation } from "../../../devices/v1beta1/rules.ts";
import { jobFaults, jobHazards, type JobSpec } from "./job.ts";
import { isDigest, isImageRepository, isVersion } from "./references.ts";

/** A NodeUpgradeJob's spec, of v1alpha1 (`value`) and v1alpha2 (`amd64`, `arm64`). */
export interface UpgradeSpec extends JobSpec {
  readonly version?: string;
  readonly image?: string;
  readonly imageDigestGatter?: {
    readonly value?: string;
    readonly amd64?: string;
    readonly arm64?: string;
    readonly registryAPI?: { readonly host?: string; readonly token?: string };
  };
}

/** A gate whose digest a registry alone knows: who cannot ask it must not be ordered the upgrade, or the gate is open. */
export function asksRegistryAlone({ imageDigestGatter = {} }: UpgradeSpec): boolean {
  const { value = "", amd64 = "", arm64 = "", registryAPI } = imageDigestGatter;
  return registryAPI !== undefined && `${value}${amd64}${arm64}` === "";
}

/** What KubeEdge's webhook refuses: the version and the image once reached a shell (CVE-2026-62371). */
export function upgradeFaults(spec: UpgradeSpec): RuleViolation[] {
  const { version = "", image = "" } = spec;
  return [
    ...(isVersion(version)
      ? []
      : [{ field: "spec.version", message: "invalid version, give one such as v1.23.0" }]),
    ...(image === "" || isImageRepository(image)
      ? []
      : [
          {
            field: "spec.image",
            message: "invalid image repo, give one such as kubeedge/installation-package",
          },
        ]),
    ...jobFaults("spec", spec),
  ];
}

/** An image that may be another tomorrow, digests that none has, and a token that everybody can read. */
export function upgradeHazards(spec: UpgradeSpec): RuleViolation[] {
  const { registryAPI } = spec.imageDigestGatter ?? {};
  const token = { field: `${DIGESTS}.registryAPI.token`, message: "whoever reads jobs reads this secret" };
  return [
    ...digestHazards(spec),
    ...((registryAPI?.token ?? "") === "" ? [] : [token]),
    ...jobHazards("spec", spec),
  ];
}

const DIGESTS = "spec.imageDigestGatter";

function digestHazards({ image = "", imageDigestGatter = {} }: UpgradeSpec): RuleViolation[] {
  const { value = "", amd64 = "", arm64 = "" } = imageDigestGatter;
  const given = Object.entries({ value, amd64, arm64 }).filter(([, digest]) => digest !== "");
  if (given.length === 0 && !image.includes("@sha256:")) {
    const message = "missing: without a digest nodes install whatever the image's tag says then";
    return [{ field: DIGESTS, message }];
  }
  return given.flatMap(([name, digest]) =>
    isDigest(digest)
      ? []
      : [{ field: `${DIGESTS}.${name}`, message: "no image has this digest: sha256: and 64 hex digits" }],
  );
}
