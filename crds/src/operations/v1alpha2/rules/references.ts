// SPDX-License-Identifier: Apache-2.0

/** A tag, and so a version, has at most so many characters. */
const MAX_TAG_CHARS = 128;
/** Longer than any registry takes. */
const MAX_IMAGE_CHARS = 1_024;

// KubeEdge's grammars of version and image repository (v1.23.1); the CRDs have the same.
const VERSION = /^v[0-9]+\.[0-9]+\.[0-9]+(-[a-zA-Z0-9_.]+(-[a-zA-Z0-9_.]+)*)?$/;
const IMAGE_REPOSITORY =
  /^[A-Za-z0-9][\w.:-]*(\/[A-Za-z0-9][\w.-]*)+(@sha256:[A-Fa-f0-9]{64}|:\w[\w.-]{0,127})?$/;
const IMAGE =
  /^([A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?\/)?[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*)*(:\w[\w.-]{0,127})?(@sha256:[A-Fa-f0-9]{64})?$/;
const DIGEST = /^sha256:[A-Fa-f0-9]{64}$/;

/** `v1.23.0`, `v1.23.0-beta.1`. */
export const isVersion = (text: string): boolean => text.length <= MAX_TAG_CHARS && VERSION.test(text);

/** The image of installation files: a repository with at least one `/`, and a tag or a digest if any. */
export const isImageRepository = (text: string): boolean =>
  text.length <= MAX_IMAGE_CHARS && IMAGE_REPOSITORY.test(text);

/** Any image that a runtime can pull: `busybox:1.36`, `host:5000/team/app@sha256:…`. */
export const isImage = (text: string): boolean => text.length <= MAX_IMAGE_CHARS && IMAGE.test(text);

export const isDigest = (text: string): boolean => DIGEST.test(text);
