// SPDX-License-Identifier: Apache-2.0
import { stringify } from "yaml";

export interface KubeconfigParts {
  readonly url: string;
  /** PEM. */
  readonly ca: string;
  readonly user:
    | { readonly name: string; readonly clientCert: string; readonly clientKey: string }
    | { readonly name: string; readonly token: string };
  readonly namespace?: string;
}

/** The text of a kubeconfig with everything inside, so that it can be moved. */
export function kubeconfigOf({ url, ca, user, namespace }: KubeconfigParts): string {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const credentials =
    "token" in user
      ? { token: user.token }
      : { "client-certificate-data": base64(user.clientCert), "client-key-data": base64(user.clientKey) };
  const context = {
    cluster: "longshore",
    user: user.name,
    ...(namespace === undefined ? {} : { namespace }),
  };
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "longshore", cluster: { server: url, "certificate-authority-data": base64(ca) } }],
    users: [{ name: user.name, user: credentials }],
    contexts: [{ name: "longshore", context }],
    "current-context": "longshore",
  });
}
