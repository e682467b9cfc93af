// SPDX-License-Identifier: Apache-2.0
import { asksRegistryAlone } from "@longshore/crds/operations";
import type { Fields, Job } from "./job.ts";

const CHECKING = "Checking";
const DEFAULT_REPOSITORY = "kubeedge/installation-package";

interface UpgradeSpec {
  readonly version?: string;
  readonly image?: string;
  readonly imageDigestGatter?: Digests;
  readonly checkItems?: readonly string[];
  readonly requireConfirmation?: boolean;
}
interface Digests {
  readonly value?: string;
  readonly arm64?: string;
  readonly amd64?: string;
}
interface PullTemplate {
  readonly images?: readonly string[];
  readonly imageSecrets?: string;
  readonly retryTimes?: number;
  readonly checkItems?: readonly string[];
}

/** One order of v1alpha1: the cloud leads a node from state to state. */
export interface OldOrder {
  readonly type: "upgrade" | "prepull";
  readonly job: Job;
  readonly state: string;
  /** Of the node, such as `amd64`; asked for only where digests differ by it. */
  readonly architecture: string;
}

/** Content of KubeEdge's order in v1alpha1. */
export function oldOrderContent(order: OldOrder): Fields {
  const { type, job, state } = order;
  const item = type === "upgrade" ? upgradeItem(order) : pullItem(job);
  return {
    TaskID: job.metadata.name,
    Type: type,
    State: state,
    Item: state === CHECKING ? checks(order) : item,
  };
}

const checks = ({ type, job }: OldOrder): Fields => {
  const { checkItems } = type === "upgrade" ? (job.spec as UpgradeSpec) : templateOf(job);
  return { CheckItem: checkItems ?? null };
};

const templateOf = ({ spec }: Job): PullTemplate => spec["imagePrePullTemplate"] ?? {};

function pullItem(job: Job): Fields {
  const { images = null, imageSecrets = "", retryTimes = 0, checkItems = null } = templateOf(job);
  return {
    Images: images,
    NodeName: "",
    Secret: imageSecrets,
    RetryTimes: retryTimes,
    CheckItems: checkItems,
  };
}

function upgradeItem({ job: { metadata, spec }, architecture }: OldOrder): Fields {
  const { version = "", image = "", imageDigestGatter, requireConfirmation = false } = spec as UpgradeSpec;
  return {
    UpgradeID: metadata.name,
    // Any text that is this run's own; the same each time, whoever sends it.
    HistoryID: metadata.uid,
    Version: version,
    UpgradeTool: "keadm",
    Image: `${repositoryOf(image)}:${version}`,
    ImageDigest: digestOf(imageDigestGatter, architecture),
    RequireConfirmation: requireConfirmation,
  };
}

const digestOf = (gate: Digests | undefined, architecture: string): string =>
  gate?.value || (architecture === "arm64" ? gate?.arm64 : gate?.amd64) || "";

/** Does the digest depend on what machine the node is? */
export function needsArchitecture({ spec }: Job): boolean {
  const { value = "", arm64 = "", amd64 = "" } = (spec as UpgradeSpec).imageDigestGatter ?? {};
  return value === "" && `${arm64}${amd64}` !== "";
}

/** A gate that only CloudCore itself could have asked a registry about: without its answer nothing may be ordered. */
export const isUnanswered = ({ spec }: Job): boolean => asksRegistryAlone(spec);

/** The repository in full, without tag or digest, as Docker's names are read. */
function repositoryOf(image: string): string {
  if (image === "") return DEFAULT_REPOSITORY;
  const [bare = ""] = image.split("@");
  const slash = bare.lastIndexOf("/");
  const colon = bare.lastIndexOf(":");
  const name = colon > slash ? bare.slice(0, colon) : bare;
  const [first = "", ...rest] = name.split("/");
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  if (isHost) return first === "index.docker.io" ? `docker.io/${rest.join("/")}` : name;
  return rest.length > 0 ? `docker.io/${name}` : `docker.io/library/${name}`;
}
