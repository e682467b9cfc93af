// SPDX-License-Identifier: Apache-2.0
import type { CounterName } from "./counters.ts";
import type { PushCounterName } from "./data/index.ts";
import type { DeviceFigures } from "./device/runtime.ts";
import { DEVICE_STATES } from "./driver.ts";

/** What is told of a mapper. */
export interface Figures {
  readonly counters: Readonly<Record<CounterName, number>>;
  readonly pushCounters: Readonly<Record<PushCounterName, number>>;
  readonly devices: readonly DeviceFigures[];
  readonly isRegistered: boolean;
}

const COUNTER_HELP: Readonly<Record<CounterName, string>> = {
  opens: "Devices opened by the driver.",
  openFailures: "Devices that could not be opened.",
  reads: "Readings that the driver was asked for.",
  readFailures: "Readings that failed.",
  writes: "Desired values handed to the driver.",
  writeFailures: "Desired values that the driver could not write.",
  driverHangs: "Calls of the driver that went on after their abort and were given up.",
  methodCalls: "Device methods called.",
  methodFailures: "Device methods that failed.",
  streams: "Streams started, again too.",
  streamFailures: "Streams that failed.",
  refusedRequests: "Requests of other programs refused because too many waited.",
  reports: "Reports of twins that the edge took.",
  reportFailures: "Reports of twins that the edge did not take.",
  stateReports: "Reports of states that the edge took.",
  stateReportFailures: "Reports of states that the edge did not take.",
  registrations: "Registrations at the edge.",
  registrationFailures: "Registrations that failed.",
  refusedInput: "Parts of devices and models that were left out, and calls of the edge that were refused.",
  refusedDesired: "Desired values that were not written: of another type, out of range, or read-only.",
  refusedReadings: "Readings that are not of their property's type, or too long.",
  readingsOutOfRange: "Readings outside of minimum and maximum; they are reported.",
};

const PUSH_HELP: Readonly<Record<PushCounterName, string>> = {
  offered: "Samples to push.",
  sent: "Samples that their server took.",
  failedSends: "Attempts to push that failed and are made again.",
  dropped: "Samples that found no more room, or were left when the mapper stopped.",
  refused: "Samples that their server will never take.",
  unconnected: "Samples of kinds or servers that this mapper does not push to.",
  forgotten: "Samples discarded with their device.",
};

type Labels = Readonly<Record<string, string>>;
interface Metric {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  readonly samples: readonly (readonly [Labels, number])[];
}

/** The figures in Prometheus's text format 0.0.4. Names are API. */
export function metricsText(figures: Figures): string {
  return [
    ...countersOf("", figures.counters, COUNTER_HELP),
    ...countersOf("push_", figures.pushCounters, PUSH_HELP),
    ...gaugesOf(figures),
  ]
    .map(textOf)
    .join("");
}

const countersOf = <Name extends string>(
  prefix: string,
  counts: Readonly<Record<Name, number>>,
  help: Readonly<Record<Name, string>>,
): readonly Metric[] =>
  (Object.keys(help) as Name[]).map((name) => ({
    name: `${prefix}${snake(name)}_total`,
    type: "counter",
    help: help[name],
    samples: [[{}, counts[name]]],
  }));

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function gaugesOf({ devices, isRegistered }: Figures): readonly Metric[] {
  const count = (state: string): number => devices.filter((device) => device.state === state).length;
  const sum = (of: "hungCalls" | "streams"): number => devices.reduce((all, one) => all + one[of], 0);
  return [
    {
      name: "devices",
      type: "gauge",
      help: "Devices that run, by their state.",
      samples: DEVICE_STATES.map((state) => [{ state }, count(state)] as const),
    },
    gauge("registered", "Whether the mapper is registered at the edge.", isRegistered ? 1 : 0),
    gauge("hung_calls", "Calls of the driver that were given up and still run.", sum("hungCalls")),
    gauge("running_streams", "Streams that run now.", sum("streams")),
  ];
}

const gauge = (name: string, help: string, value: number): Metric => ({
  ...{ name, type: "gauge", help },
  samples: [[{}, value]],
});

function textOf({ name, type, help, samples }: Metric): string {
  const full = `longshore_mapper_${name}`;
  const lines = samples.map(([labels, value]) => `${full}${labelsOf(labels)} ${value}\n`);
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join("")}`;
}

function labelsOf(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
