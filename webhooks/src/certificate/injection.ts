// SPDX-License-Identifier: Apache-2.0
import {
  isConflict,
  isNotFound,
  type Client,
  type KubeObject,
  type Resource,
} from "@longshore/operators/runtime";

const GROUP = { group: "admissionregistration.k8s.io", version: "v1", namespaced: false } as const;
const RESOURCES: Readonly<Record<ConfigurationRef["type"], Resource>> = {
  validating: {
    ...GROUP,
    plural: "validatingwebhookconfigurations",
    kind: "ValidatingWebhookConfiguration",
  },
  mutating: { ...GROUP, plural: "mutatingwebhookconfigurations", kind: "MutatingWebhookConfiguration" },
};

/** Which webhook configuration: a validating and a mutating one may have the same name. */
export interface ConfigurationRef {
  readonly type: "validating" | "mutating";
  readonly name: string;
}

/** The part of a webhook configuration that is read. */
export interface WebhookConfiguration extends KubeObject {
  readonly webhooks?: readonly { readonly clientConfig?: { readonly caBundle?: string } }[];
}

export interface PatchOperation {
  readonly op: "add" | "replace";
  readonly path: string;
  readonly value: string;
}

/** What must change so that every webhook of a configuration trusts exactly `bundle` (PEM); nothing when all do. */
export function bundlePatch(configuration: WebhookConfiguration, bundle: string): PatchOperation[] {
  const wanted = Buffer.from(bundle).toString("base64");
  const changes = (configuration.webhooks ?? []).flatMap(({ clientConfig }, index): PatchOperation[] =>
    clientConfig?.caBundle === wanted
      ? []
      : [{ op: "add", path: `/webhooks/${index}/clientConfig/caBundle`, value: wanted }],
  );
  if (changes.length === 0) return [];
  // Written only over what was read: another replica may have put a newer bundle there meanwhile.
  const { resourceVersion } = configuration.metadata;
  return [{ op: "replace", path: "/metadata/resourceVersion", value: resourceVersion }, ...changes];
}

export interface FoundConfiguration {
  readonly ref: ConfigurationRef;
  readonly object: WebhookConfiguration;
}

export interface Configurations {
  /** Those that are there, and kinds and names of those that are not. @throws {ApiError} */
  read(): Promise<{ readonly found: readonly FoundConfiguration[]; readonly missing: readonly string[] }>;
  /** @returns false when somebody else changed it meanwhile @throws {ApiError} */
  patch(ref: ConfigurationRef, operations: readonly PatchOperation[]): Promise<boolean>;
}

/** The webhook configurations that name us, by their names. */
export function openConfigurations(
  client: Client,
  refs: readonly ConfigurationRef[],
  call: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Configurations {
  const find = async ({ type, name }: ConfigurationRef): Promise<WebhookConfiguration | undefined> => {
    try {
      return await client.get<WebhookConfiguration>(RESOURCES[type], { name }, call);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };
  return {
    async read() {
      const all = await Promise.all(refs.map(async (ref) => ({ ref, object: await find(ref) })));
      return {
        found: all.flatMap(({ ref, object }) => (object === undefined ? [] : [{ ref, object }])),
        missing: all
          .filter(({ object }) => object === undefined)
          .map(({ ref: { type, name } }) => `${RESOURCES[type].kind} ${name}`),
      };
    },
    async patch({ type, name }, operations) {
      try {
        await client.patch(RESOURCES[type], { name }, { type: "json", body: [...operations] }, call);
        return true;
      } catch (error) {
        if (isConflict(error) || isNotFound(error)) return false;
        throw error;
      }
    },
  };
}
