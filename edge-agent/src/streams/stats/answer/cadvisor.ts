// SPDX-License-Identifier: Apache-2.0
import { SERIES, type Point, type Subject } from "./cadvisor-series.ts";
import type { Family, Sample } from "./exposition.ts";
import type { ContainerUsage, NodeUsage, PodUsage } from "../usage.ts";

/** cAdvisor gives every series these labels, empty where they do not apply. */
interface Labels {
  readonly container?: string;
  readonly id: string;
  readonly image?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly pod?: string;
}

const labels = ({ container = "", id, image = "", name = "", namespace = "", pod = "" }: Labels): Labels => ({
  container,
  id,
  image,
  name,
  namespace,
  pod,
});

function containerSubject(pod: PodUsage, c: ContainerUsage, seenAtMs: number): Subject {
  const own = { container: c.name, id: c.cgroup, image: c.image, name: c.id };
  return {
    ...c,
    labels: { ...labels({ ...own, namespace: pod.namespace, pod: pod.name }) },
    fs: c.rootFs,
    seenAtMs,
  };
}

/** A pod's own cgroup, and its network under the sandbox's name: that is where cAdvisor sees it. */
function podSubjects(pod: PodUsage, node: NodeUsage, sandboxImage: string): readonly Subject[] {
  const of = { namespace: pod.namespace, pod: pod.name };
  const { network, ...cgroup } = pod;
  const sandboxId = `${pod.cgroup}/${pod.sandboxId}`;
  return [
    { ...cgroup, labels: { ...labels({ id: pod.cgroup, ...of }) }, seenAtMs: node.atMs },
    { labels: { ...labels({ id: sandboxId, image: sandboxImage, name: pod.sandboxId, ...of }) }, network },
    ...pod.containers.map((c) => containerSubject(pod, c, node.atMs)),
  ];
}

const samplesOf = (subject: Subject, points: readonly Point[]): readonly Sample[] =>
  points.flatMap(({ value, atMs, labels: more }) =>
    value === undefined ? [] : [{ labels: { ...subject.labels, ...more }, value, atMs }],
  );

const machineFamilies = ({ machine }: NodeUsage): readonly Family[] => [
  {
    name: "machine_cpu_cores",
    type: "gauge",
    help: "Number of logical processors.",
    samples: [{ labels: {}, value: machine.cores }],
  },
  {
    name: "machine_memory_bytes",
    type: "gauge",
    help: "Memory of the machine.",
    samples: [{ labels: {}, value: machine.memoryBytes }],
  },
];

/** The series of cAdvisor that boards and rules read, for the node, its pods and their containers. */
export function cadvisorFamilies(node: NodeUsage, sandboxImage: string): readonly Family[] {
  const { machine } = node;
  const root: Subject = {
    ...machine,
    labels: { ...labels({ id: "/" }) },
    createdAtMs: machine.bootedAtMs,
    seenAtMs: node.atMs,
  };
  const subjects = [root, ...node.pods.flatMap((pod) => podSubjects(pod, node, sandboxImage))];
  const families = SERIES.map(({ name, type, help, of }) => ({
    name,
    type,
    help,
    samples: subjects.flatMap((subject) => samplesOf(subject, of(subject))),
  }));
  return [...families, ...machineFamilies(node)];
}
