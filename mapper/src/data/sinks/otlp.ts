// SPDX-License-Identifier: Apache-2.0
// As much of opentelemetry.proto.collector.metrics.v1 as gauges need. Field numbers are of opentelemetry-proto v1.
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { SinkError, type Sample } from "../port.ts";

const SERVICE_NAME = "longshore-mapper";
const SCOPE_NAME = "longshore.mapper.data";

type Write = (writer: BinaryWriter) => void;

function message(writer: BinaryWriter, field: number, write: Write): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write(writer);
  writer.join();
}
const text = (writer: BinaryWriter, field: number, value: string): void => {
  writer.tag(field, WireType.LengthDelimited).string(value);
};

/**
 * An ExportMetricsServiceRequest: a resource for each device, a gauge for each of its properties, a point a sample.
 *
 * @throws {SinkError} REFUSED when a sample is no number
 */
export function encodeMetrics(samples: readonly Sample[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const ofDevice of groupBy(samples, deviceIdOf).values())
    message(writer, 1, (resource) => writeResource(resource, ofDevice));
  return writer.finish();
}

const deviceIdOf = ({ namespace, device }: Sample): string => `${namespace}/${device}`;

function writeResource(writer: BinaryWriter, samples: readonly Sample[]): void {
  const [first] = samples;
  if (!first) return;
  const attributes = {
    "service.name": SERVICE_NAME,
    "device.id": deviceIdOf(first),
    "device.namespace": first.namespace,
    "device.name": first.device,
  };
  message(writer, 1, (resource) => {
    for (const [key, value] of Object.entries(attributes))
      message(resource, 1, (attribute) => writeAttribute(attribute, key, value));
  });
  message(writer, 2, (scoped) => {
    message(scoped, 1, (scope) => text(scope, 1, SCOPE_NAME));
    for (const [property, ofProperty] of groupBy(samples, (sample) => sample.property))
      message(scoped, 2, (metric) => writeGauge(metric, property, ofProperty));
  });
}

function writeAttribute(writer: BinaryWriter, key: string, value: string): void {
  text(writer, 1, key);
  message(writer, 2, (any) => text(any, 1, value));
}

function writeGauge(writer: BinaryWriter, name: string, samples: readonly Sample[]): void {
  text(writer, 1, name);
  message(writer, 5, (gauge) => {
    for (const sample of samples) message(gauge, 1, (point) => writePoint(point, sample));
  });
}

/** A double for every type, as KubeEdge's mappers send it: a metric's kind must not change. */
function writePoint(writer: BinaryWriter, sample: Sample): void {
  writer.tag(3, WireType.Bit64).fixed64(BigInt(Math.trunc(sample.atMs)) * 1_000_000n);
  writer.tag(4, WireType.Bit64).double(numberOf(sample));
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** A sample as a gauge has it; a boolean is 0 or 1, text is what number it says. @throws {SinkError} REFUSED */
export function numberOf({ value, text: asText }: Pick<Sample, "value" | "text">): number {
  if (typeof value === "boolean") return value ? 1 : 0;
  const number = typeof value === "number" ? value : NUMBER.test(asText) ? Number(asText) : Number.NaN;
  if (Number.isFinite(number)) return number;
  throw new SinkError("REFUSED", "a metric is a number, and the sample is not");
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

/** How many points an ExportMetricsServiceResponse says were not taken; 0 when it cannot be read. */
export function rejectedPoints(body: Uint8Array): number {
  try {
    const partial = fieldOf(body, 1, (reader) => reader.bytes());
    const rejected = partial && fieldOf(partial, 1, (reader) => reader.int64());
    return Number(rejected ?? 0);
  } catch {
    return 0; // an answer of 2xx in other words: taken
  }
}

function fieldOf<T>(body: Uint8Array, field: number, read: (reader: BinaryReader) => T): T | undefined {
  const reader = new BinaryReader(body);
  let found: T | undefined;
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === field) found = read(reader);
    else reader.skip(type, number);
  }
  return found;
}
