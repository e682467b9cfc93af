// SPDX-License-Identifier: Apache-2.0
import type { World } from "./world.ts";

export interface NewImages {
  /** Sorted. */
  readonly images: readonly string[];
  /** Nodes that are ready and lack one of them, sorted. */
  readonly nodes: readonly string[];
}

export interface NewImagesInput {
  readonly world: World;
  readonly wanted: string;
  /** Revision that each target has now. */
  readonly revisions: ReadonlyMap<string, string>;
  readonly targets: readonly string[];
}

/** What a batch's hosts will need and do not run yet. A host needs what its version of the revision has. */
export function newImagesOf(input: NewImagesInput): NewImages {
  const images = new Set<string>();
  const nodes = new Set<string>();
  for (const name of input.targets) {
    const target = input.world.targetsOf(input.wanted)?.get(name);
    if (target === undefined) continue;
    const newFor = differenceOf(input, name);
    for (const node of input.world.viewOf(target).nodes) {
      const lacking = node.isReady ? newFor(node.name) : [];
      if (lacking.length > 0) nodes.add(node.name);
      for (const image of lacking) images.add(image);
    }
  }
  return { images: [...images].sort(), nodes: [...nodes].sort() };
}

function differenceOf(
  { world, wanted, revisions }: NewImagesInput,
  name: string,
): (node: string) => readonly string[] {
  const now = imagesIn(world, name, wanted);
  const before = imagesIn(world, name, revisions.get(name));
  const nowHosts = world.hostsOf(wanted);
  const beforeHosts = world.hostsOf(revisions.get(name) ?? "");
  const known = new Map<string, readonly string[]>();
  return (node) => {
    const [next, last] = [nowHosts.get(node), beforeHosts.get(node)];
    const pair = `${next ?? ""}/${last ?? ""}`;
    const found = known.get(pair) ?? now(next).filter((image) => !before(last).includes(image));
    known.set(pair, found);
    return found;
  };
}

/** Images of a revision for hosts of a version of it. */
function imagesIn(
  world: World,
  name: string,
  revision: string | undefined,
): (version: string | undefined) => readonly string[] {
  const target = revision === undefined ? undefined : world.targetsOf(revision)?.get(name);
  if (revision === undefined || target === undefined) return () => [];
  const { children } = world.expectedOf(revision, target);
  return (version) =>
    children
      .filter((child) => child.object.kind !== "DaemonSet" || child.version === version)
      .flatMap(({ images }) => images);
}
