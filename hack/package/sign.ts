// SPDX-License-Identifier: Apache-2.0
import { sign as signBytes, type KeyObject } from "node:crypto";
import { blobOf, imageWith, manifestOf, type Image } from "./image.ts";

const PAYLOAD_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json";
const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";
const SIGNATURE = "dev.cosignproject.cosign/signature";

/** Tag under which the signatures of a digest are. */
export const signatureTag = (digest: string): string => `${digest.replace(":", "-")}.sig`;

/**
 * Signs a digest as `cosign sign --key` does, as an image to push under `signatureTag`.
 *
 * @param key of ECDSA P-256 or Ed25519
 * @param name the image as people call it
 */
export function signatureOf(digest: string, name: string, key: KeyObject): Image {
  const payload = Buffer.from(
    JSON.stringify({
      critical: {
        identity: { "docker-reference": name },
        image: { "docker-manifest-digest": digest },
        type: "cosign container image signature",
      },
      optional: null,
    }),
  );
  const signature = signBytes(key.asymmetricKeyType === "ed25519" ? null : "sha256", payload, key);
  const blob = blobOf(PAYLOAD_TYPE, payload);
  const config = blobOf(
    CONFIG_TYPE,
    Buffer.from(
      JSON.stringify({
        architecture: "",
        os: "",
        config: {},
        rootfs: { type: "layers", diff_ids: [blob.digest] },
      }),
    ),
  );
  const layer = { ...blob, annotations: { [SIGNATURE]: signature.toString("base64") } };
  return imageWith([blob, config], manifestOf(config, [layer]));
}
