// SPDX-License-Identifier: Apache-2.0
import {
  isConflict,
  isNotFound,
  type Client,
  type KubeObject,
  type Resource,
} from "@longshore/operators/runtime";

const VALIDATING: Resource = {
  group: "admissionregistration.k8s.io",
  version: "v1",
  plural: "validatingwebhookconfigurations",
  kind: "ValidatingWebhookConfiguration",
  namespaced: false,
};

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

export interface Configurations {
  /** Those that are there, and the names of those that are not. @throws {ApiError} */
  read(): Promise<{ readonly found: readonly WebhookConfiguration[]; readonly missing: readonly string[] }>;
  /** @returns false when somebody else changed it meanwhile @throws {ApiError} */
  patch(name: string, operations: readonly PatchOperation[]): Promise<boolean>;
}

/** The webhook configurations that name us, by their names. */
export function openConfigurations(
  client: Client,
  names: readonly string[],
  call: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Configurations {
  const find = async (name: string): Promise<WebhookConfiguration | undefined> => {
    try {
      return await client.get<WebhookConfiguration>(VALIDATING, { name }, call);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };
  return {
    async read() {
      const all = await Promise.all(names.map(async (name) => ({ name, object: await find(name) })));
      return {
        found: all.flatMap(({ object }) => object ?? []),
        missing: all.filter(({ object }) => object === undefined).map(({ name }) => name),
      };
    },
    async patch(name, operations) {
      try {
        await client.patch(VALIDATING, { name }, { type: "json", body: [...operations] }, call);
        return true;
      } catch (error) {
        if (isConflict(error) || isNotFound(error)) return false;
        throw error;
      }
    },
  };
}
