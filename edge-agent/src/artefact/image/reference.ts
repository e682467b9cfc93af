// SPDX-License-Identifier: Apache-2.0
import { isDigest, isImageRepository, isVersion } from "@longshore/crds/operations";
import { ArtefactFault } from "../errors.ts";

/** An image as a registry knows it. */
export interface ImageReference {
  /** `host` or `host:port`, as it is named and as credentials are found by. */
  readonly host: string;
  /** Path below it, in lower case. */
  readonly repository: string;
  /** Tag, or a digest. */
  readonly reference: string;
}

/** The image of installation files where a job names none, as KubeEdge's. */
export const DEFAULT_IMAGE = "kubeedge/installation-package";

export const DOCKER_HUB = "docker.io";
const PART = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$/;
const HOST = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:[1-9]\d{0,4})?$/;

/**
 * The image of a version. A digest in the image's name stays, a tag in it goes: the version is the tag.
 *
 * @param image `kubeedge/installation-package`, `host:5000/team/package`, `…@sha256:…`; "" is KubeEdge's
 * @throws {ArtefactFault} REFERENCE
 */
export function referenceOf(image: string, version: string): ImageReference {
  const name = image === "" ? DEFAULT_IMAGE : image;
  if (!isVersion(version)) throw wrong("the version is none: give one such as v1.23.0");
  if (!isImageRepository(name))
    throw wrong("the image is none: give one such as kubeedge/installation-package");
  const [path = "", digest] = name.split("@");
  if (digest !== undefined && !isDigest(digest)) throw wrong("the image's digest is none");
  const { host, repository } = placeOf(path.replace(/:[^/:]*$/, ""));
  return { host, repository, reference: digest?.toLowerCase() ?? version };
}

/** How people write it. */
export function textOf({ host, repository, reference }: ImageReference): string {
  return `${host}/${repository}${reference.startsWith("sha256:") ? "@" : ":"}${reference}`;
}

/** @throws {ArtefactFault} REFERENCE */
function placeOf(path: string): { host: string; repository: string } {
  const [first = "", ...rest] = path.split("/");
  const isHost = /[.:]/.test(first) || first === "localhost";
  const parts = isHost ? rest : [first, ...rest];
  const host = isHost ? hubOr(first) : DOCKER_HUB;
  if (!HOST.test(host)) throw wrong("the image's registry is none");
  // One name alone is one of Docker's own images.
  const repository = (host === DOCKER_HUB && parts.length === 1 ? ["library", ...parts] : parts).join("/");
  if (parts.length === 0 || !repository.split("/").every((part) => PART.test(part)))
    throw wrong("the image's repository is none: its names are in lower case");
  return { host, repository };
}

/**
 * The host of a registry that a job names for its API: `registry.example:5000`, with `https://` before it or not.
 *
 * @throws {ArtefactFault} REFERENCE
 */
export function hostOf(text: string): string {
  const host = hubOr(text.replace(/^https:\/\//, "").replace(/\/$/, ""));
  if (!HOST.test(host)) throw wrong("imageDigestGatter.registryAPI.host is no host of a registry");
  return host;
}

const hubOr = (host: string): string => (host === "index.docker.io" ? DOCKER_HUB : host);

const wrong = (message: string): ArtefactFault => new ArtefactFault("REFERENCE", message);
