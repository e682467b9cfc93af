// SPDX-License-Identifier: Apache-2.0
import {
  type Actions,
  type Answer,
  bad,
  type Fields,
  fieldsAt,
  forbidden,
  objectOf,
  textAt,
  type UplinkRequest,
  type UplinkTools,
} from "./handler/index.ts";
import { SERVICE_ACCOUNTS } from "./kinds.ts";

/** What the API server extends to a year for old clients; passed as it is. */
const COMPATIBLE_SECONDS = 3_607;
const DEFAULT_SECONDS = 3_600;
/** TokenRequest refuses less. */
const MIN_SECONDS = 600;
const MAX_SECONDS = 24 * 3_600;
const MAX_AUDIENCES = 16;
const MAX_AUDIENCE_CHARS = 512;

/** tokens for the ServiceAccounts of the sender's pods, bound to the pod */
export const serviceAccountTokenActions: Actions = {
  types: ["serviceaccounttoken"],
  operations: { query: { failure: "text", run: createToken } },
};

async function createToken(request: UplinkRequest, tools: UplinkTools): Promise<Answer> {
  const { namespace, name } = request.resource;
  const spec = fieldsAt(objectOf(request.frame.content), "spec");
  const boundObjectRef = await requireBoundTo(request, fieldsAt(spec, "boundObjectRef"));
  const body = {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    metadata: { name, namespace },
    spec: { audiences: audiencesOf(spec), expirationSeconds: expirationSeconds(spec), boundObjectRef },
  };
  const token = await tools.write(request.session, (signal) =>
    tools.client.createSubresource<object>(SERVICE_ACCOUNTS, { namespace, name }, "token", body, { signal }),
  );
  return { content: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", ...token } };
}

/** The token must be bound to a pod of this node, by uid, that runs with this very account. */
async function requireBoundTo({ resource, session }: UplinkRequest, reference: Fields): Promise<object> {
  const name = textAt(reference, "name");
  const uid = textAt(reference, "uid");
  if (textAt(reference, "kind") !== "Pod" || name === undefined || uid === undefined)
    throw forbidden("a token must be bound to a pod");
  const pod = await session.grants.pod(resource.namespace, name);
  if (pod?.uid !== uid || pod.serviceAccountName !== resource.name) throw forbidden();
  return { apiVersion: "v1", kind: "Pod", name, uid };
}

/** 3607 s passes unchanged; everything else is held between 10 minutes and 24 hours. */
export function expirationSeconds(spec: Fields): number {
  const asked = spec["expirationSeconds"] ?? DEFAULT_SECONDS;
  if (typeof asked !== "number" || !Number.isInteger(asked)) throw bad("expirationSeconds is no integer");
  if (asked === COMPATIBLE_SECONDS) return asked;
  return Math.min(MAX_SECONDS, Math.max(MIN_SECONDS, asked));
}

function audiencesOf(spec: Fields): string[] {
  const audiences: unknown = spec["audiences"] ?? [];
  if (!Array.isArray(audiences) || audiences.length > MAX_AUDIENCES || !audiences.every(isAudience))
    throw bad("audiences is no list of texts");
  return audiences;
}

const isAudience = (value: unknown): value is string =>
  typeof value === "string" && value.length <= MAX_AUDIENCE_CHARS;
