// SPDX-License-Identifier: Apache-2.0
import { GUARDED, PROTECTED, type EdgeApplication } from "@longshore/crds/apps";
import {
  createExponentialLimiter,
  DONE,
  enqueueMapped,
  enqueueSelf,
  isNotFound,
  newController,
  onUpdate,
  type Client,
  type KubeObject,
  type Manager,
  type Reader,
  type Reconciler,
  type Resource,
} from "../runtime/index.ts";
import { EDGE_APPLICATIONS } from "./resources.ts";

const NAMESPACES: Resource = {
  ...{ group: "", version: "v1", plural: "namespaces", kind: "Namespace", namespaced: false },
};
/** Only labels are looked at. */
const SELECTION = { metadataOnly: true } as const;

/** Whether something of it must not be changed by hand. */
export const isGuarded = ({ metadata, status }: EdgeApplication): boolean =>
  metadata.labels?.[PROTECTED] === "true" ||
  (status?.targets ?? []).some((target) => target.protected === true);

interface GuardDeps {
  readonly client: Pick<Client, "patch">;
  readonly apps: Pick<Reader<EdgeApplication>, "list">;
  readonly namespaces: Pick<Reader, "get">;
}

/** Labels the namespaces that hold something protected. The label stays when nothing is any more: it costs nothing. */
export const createGuard =
  ({ client, apps, namespaces }: GuardDeps): Reconciler =>
  async ({ name }, { signal }) => {
    const namespace = namespaces.get({ name });
    if (namespace === undefined || namespace.metadata.labels?.[GUARDED] === "true") return DONE;
    if (!apps.list(name).some(isGuarded)) return DONE;
    try {
      const body = { metadata: { uid: namespace.metadata.uid, labels: { [GUARDED]: "true" } } };
      await client.patch(NAMESPACES, { name }, { type: "merge", body }, { signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return DONE;
  };

/** Adds the controller that keeps admission looking at every namespace that holds something protected. */
export function addGuard(manager: Manager): void {
  const { client, cache } = manager;
  const apps = cache.informer<EdgeApplication>(EDGE_APPLICATIONS);
  const namespaces = cache.informer<KubeObject>(NAMESPACES, SELECTION);
  newController(manager)
    .named("guarded-namespace")
    .watches<EdgeApplication>(
      EDGE_APPLICATIONS,
      enqueueMapped(({ metadata }) => [{ namespace: "", name: metadata.namespace ?? "" }]),
      { predicates: [onUpdate((old, now) => isGuarded(old) !== isGuarded(now))] },
    )
    .watches(NAMESPACES, enqueueSelf, {
      ...SELECTION,
      predicates: [onUpdate((old, now) => old.metadata.labels?.[GUARDED] !== now.metadata.labels?.[GUARDED])],
    })
    .withSettings({ limiter: createExponentialLimiter({ baseMs: 200, capMs: 60_000, jitter: 0.5 }) })
    .complete(createGuard({ client, apps, namespaces }));
}
