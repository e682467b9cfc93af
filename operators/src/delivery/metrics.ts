// SPDX-License-Identifier: Apache-2.0
import { Counter, type Registry } from "prom-client";

/** Counters of delivery. Never labelled by node. */
export interface DeliveryMetrics {
  readonly puts: Counter;
  readonly dels: Counter;
  readonly refused: Counter<"code">;
  readonly wakeFailures: Counter<"kind">;
  readonly replaced: Counter;
  readonly restored: Counter;
  readonly doubted: Counter;
  readonly epochsRaised: Counter;
  readonly oddEpochs: Counter;
}

function counter<Label extends string = never>(
  registry: Registry,
  name: string,
  help: string,
  ...labelNames: Label[]
): Counter<Label> {
  // Two parts of one process share a registry.
  const existing = registry.getSingleMetric(name);
  if (existing instanceof Counter) return existing;
  return new Counter({ name, help, labelNames, registers: [registry] });
}

export const createDeliveryMetrics = (registry: Registry): DeliveryMetrics => ({
  puts: counter(registry, "longshore_delivery_puts_total", "Objects that placement put into mailboxes"),
  dels: counter(registry, "longshore_delivery_dels_total", "Deletes that placement put into mailboxes"),
  refused: counter(
    registry,
    "longshore_delivery_refused_total",
    "Calls that delivery refused, by code",
    "code",
  ),
  wakeFailures: counter(
    registry,
    "longshore_delivery_wake_failures_total",
    "Messages to other processes that could not be sent; a rescan makes up for them",
    "kind",
  ),
  replaced: counter(
    registry,
    "longshore_delivery_redis_replaced_total",
    "Times that Redis was found replaced or emptied",
  ),
  restored: counter(
    registry,
    "longshore_delivery_restored_total",
    "Entries of what nodes acked that were restored from records after Redis had lost them",
  ),
  doubted: counter(
    registry,
    "longshore_delivery_doubted_total",
    "Entries of what nodes acked that were made sure of after Redis had been replaced",
  ),
  epochsRaised: counter(
    registry,
    "longshore_delivery_cluster_epochs_total",
    "Times that the cluster epoch was raised",
  ),
  oddEpochs: counter(
    registry,
    "longshore_delivery_odd_epochs_total",
    "Epochs told by an edge that were out of range and ignored",
  ),
});
