// SPDX-License-Identifier: Apache-2.0
import type { Topic } from "./nodes.ts";

/** Which application depends on what, as it was seen when it was last looked at. */
export interface Interests {
  /** Replaces what it depended on. */
  set(application: string, topics: ReadonlySet<Topic>): void;
  delete(application: string): void;
  /** Applications that depend on it. */
  in(topic: Topic): Iterable<string>;
}

/** @param unused called when nobody depends on a topic any more */
export function createInterests(unused: (topic: Topic) => void): Interests {
  const topicsOf = new Map<string, ReadonlySet<Topic>>();
  const usersOf = new Map<Topic, Set<string>>();

  const leave = (application: string, topic: Topic): void => {
    const users = usersOf.get(topic);
    users?.delete(application);
    if (users?.size !== 0) return;
    usersOf.delete(topic);
    unused(topic);
  };
  const enter = (application: string, topic: Topic): void => {
    const users = usersOf.get(topic);
    if (users === undefined) usersOf.set(topic, new Set([application]));
    else users.add(application);
  };
  const set = (application: string, topics: ReadonlySet<Topic>): void => {
    const old = topicsOf.get(application) ?? new Set<Topic>();
    if (topics.size === 0) topicsOf.delete(application);
    else topicsOf.set(application, topics);
    for (const topic of topics) enter(application, topic);
    for (const topic of old) if (!topics.has(topic)) leave(application, topic);
  };
  return {
    set,
    delete: (application) => set(application, new Set()),
    in: (topic) => usersOf.get(topic) ?? [],
  };
}
