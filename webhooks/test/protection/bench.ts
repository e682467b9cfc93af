// SPDX-License-Identifier: Apache-2.0
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { GUARDED } from "@longshore/crds/apps";
import { Agent, request } from "undici";
import { untilEstablished } from "../../../hack/cluster/established.ts";
import { kubectlOf } from "../../../crds/test/apiserver.ts";
import { controlPlaneBin, startApiServer, type ApiServer } from "../../../operators/test/apiserver.ts";
import { eventually } from "../../../operators/test/runtime/eventually.ts";
import { NAMESPACE, type Thing } from "./objects.ts";

const CONFIG = fileURLToPath(new URL("../../../config", import.meta.url));
/** Until the API server knows a new kind and the policies that look at it. */
const SETTLE_MS = 60_000;

/** Who asks, as the API server knows them. */
export interface Actor {
  readonly user: string;
  /** Beside system:authenticated, and the groups of a ServiceAccount. */
  readonly group?: string;
}

export interface Answer {
  readonly code: number;
  readonly message: string;
  readonly body: { readonly metadata?: { readonly uid?: string } };
}

export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: object;
  readonly type?: string;
}

/** An API server with our kinds and policies and nothing else: no webhook runs, no controller. */
export interface Bench {
  readonly api: ApiServer;
  /** As administrator (group system:masters), or as somebody else who may do everything by RBAC. */
  ask(call: Call, actor?: Actor): Promise<Answer>;
  make(thing: Thing): Promise<string>;
  kubectl(args: readonly string[], stdin?: string): Promise<string>;
  /** One that holds something protected. */
  makeNamespace(name: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startBench(): Promise<Bench> {
  // As whichever node: not what one node may do is tried here, but what the policies leave to nodes.
  const api = await startApiServer({ flags: { "enable-admission-plugins": "NamespaceLifecycle" } });
  const kubectl = kubectlOf(await controlPlaneBin(), api.kubeconfig);
  const dispatcher = new Agent({ connect: { ca: api.ca } });
  const ask = async (call: Call, actor?: Actor): Promise<Answer> => {
    const answer = await request(`${api.url}${call.path}`, {
      method: call.method,
      headers: {
        authorization: `Bearer ${api.token}`,
        "content-type": call.type ?? (call.method === "PATCH" ? MERGE : "application/json"),
        ...(actor && { "impersonate-user": actor.user }),
        ...(actor?.group !== undefined && { "impersonate-group": actor.group }),
      },
      ...(call.body && { body: JSON.stringify(call.body) }),
      dispatcher,
    });
    const text = await answer.body.text();
    const body = (text.startsWith("{") ? JSON.parse(text) : {}) as Answer["body"] & {
      readonly message?: string;
    };
    return { code: answer.statusCode, message: body.message ?? "", body };
  };
  const made: Bench = {
    api,
    ask,
    kubectl,
    async make({ collection, object, status }) {
      const { code, message, body } = await ask({ method: "POST", path: collection, body: object });
      if (code >= 300) throw new Error(message);
      const path = `${collection}/${object.metadata.name}/status`;
      if (status !== undefined) await written(ask({ method: "PATCH", path, body: { status } }, CONTROLLERS));
      return body.metadata?.uid ?? "";
    },
    async makeNamespace(name) {
      await kubectl(["create", "namespace", name]);
      await kubectl(["label", "namespace", name, `${GUARDED}=true`]); // as the controllers do
    },
    async stop() {
      await dispatcher.close();
      await api.stop();
    },
  };
  await kubectl(["apply", "-k", join(CONFIG, "crd")]);
  await untilEstablished(kubectl);
  const everybody = ["--clusterrole=cluster-admin", "--group=system:authenticated"];
  await kubectl(["create", "clusterrolebinding", "everybody-may-do-everything", ...everybody]);
  await eventually(async () => {
    await made.makeNamespace(NAMESPACE);
  }, SETTLE_MS);
  return made;
}

const MERGE = "application/merge-patch+json";
export const CONTROLLERS: Actor = { user: "system:serviceaccount:kubeedge:longshore-controllers" };

async function written(answer: Promise<Answer>): Promise<void> {
  const { code, message } = await answer;
  if (code >= 300) throw new Error(message);
}

/** Has the policies, and waits until the API server follows them: until what they forbid is refused. */
export async function installPolicies(bench: Bench, forbidden: Call): Promise<void> {
  await bench.kubectl(["apply", "-k", join(CONFIG, "admission-policy")]);
  await eventually(async () => {
    const { message } = await bench.ask(forbidden, { user: "somebody" });
    if (!/is protected/.test(message)) throw new Error(message);
  }, SETTLE_MS);
}
