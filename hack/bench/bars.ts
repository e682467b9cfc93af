// SPDX-License-Identifier: Apache-2.0

/** What is measured, and what has to be reached. */
interface Bar {
  readonly unit: string;
  /** null: the figure is told, and nothing has to be reached. */
  readonly bar: number | null;
  /** "at least" for rates, "at most" for costs. */
  readonly is: "at least" | "at most";
  /** Decimals that the machine's noise leaves any meaning. */
  readonly decimals: number;
}

/** Names are API: whoever follows the figures over time keys on them. */
export const BARS = {
  "hub.fanout_msgs_per_cpu_s": { unit: "msgs/CPU-s", bar: 6_000, is: "at least", decimals: 0 },
  "hub.unique_msgs_per_cpu_s": { unit: "msgs/CPU-s", bar: 4_000, is: "at least", decimals: 0 },
  "hub.kib_per_conn": { unit: "KiB", bar: 75, is: "at most", decimals: 1 },
  "delivery.catchup_100_at_200ms_s": { unit: "s", bar: 1.5, is: "at most", decimals: 2 },
  "delivery.api_writes_per_change": { unit: "calls", bar: 0.5, is: "at most", decimals: 2 },
  "delivery.api_reads_per_change": { unit: "calls", bar: 1.1, is: "at most", decimals: 2 },
  "redis.bytes_per_offline_node": { unit: "bytes", bar: 6_144, is: "at most", decimals: 0 },
  "agent.rss_mb_0_pods": { unit: "MB", bar: 78, is: "at most", decimals: 1 },
  "agent.rss_mb_10_pods": { unit: "MB", bar: 85, is: "at most", decimals: 1 },
  "agent.cpu_s_per_min_10_pods": { unit: "CPU-s", bar: 0.5, is: "at most", decimals: 2 },
  "pod.start_p50_s": { unit: "s", bar: 0.8, is: "at most", decimals: 2 },
  "pod.start_p99_s": { unit: "s", bar: 1.5, is: "at most", decimals: 2 },
  "stream.exec_true_p50_ms": { unit: "ms", bar: 150, is: "at most", decimals: 0 },
  "stream.first_log_line_p50_ms": { unit: "ms", bar: 150, is: "at most", decimals: 0 },
  "stream.logs_mb_per_cpu_s": { unit: "MB/CPU-s", bar: 100, is: "at least", decimals: 0 },
  "stream.stalled_reader_effect_pct": { unit: "%", bar: 5, is: "at most", decimals: 1 },
  "stream.hub_kib_per_idle_stream": { unit: "KiB", bar: 64, is: "at most", decimals: 1 },
  "device.desired_p50_ms": { unit: "ms", bar: 150, is: "at most", decimals: 0 },
  "device.desired_p99_ms": { unit: "ms", bar: 500, is: "at most", decimals: 0 },
  "device.reported_p50_ms": { unit: "ms", bar: 300, is: "at most", decimals: 0 },
  "device.reports_refused_1000x5": { unit: "reports", bar: 0, is: "at most", decimals: 0 },
  "device.agent_cpu_pct_1000x5": { unit: "%", bar: 25, is: "at most", decimals: 1 },
  "device.agent_rss_growth_mb": { unit: "MB", bar: 40, is: "at most", decimals: 1 },
  "device.api_writes_per_s_1000": { unit: "calls/s", bar: 100, is: "at most", decimals: 0 },
  "device.newest_age_s_1000": { unit: "s", bar: 15, is: "at most", decimals: 1 },
  "nodegroup.relabel_cpu_ms": { unit: "ms", bar: 1, is: "at most", decimals: 2 },
  "nodegroup.relabel_process_cpu_ms": { unit: "ms", bar: 8, is: "at most", decimals: 1 },
  "nodegroup.heartbeat_process_cpu_ms": { unit: "ms", bar: 0.5, is: "at most", decimals: 2 },
  "nodegroup.status_writes_per_group_s": { unit: "calls", bar: 1, is: "at most", decimals: 2 },
  "nodegroup.relabel_p50_ms": { unit: "ms", bar: 100, is: "at most", decimals: 0 },
  "nodegroup.api_writes_per_change": { unit: "calls", bar: 6.5, is: "at most", decimals: 2 },
  "job.cpu_ms_per_node": { unit: "ms", bar: 5, is: "at most", decimals: 2 },
  "job.hub_cpu_ms_per_node": { unit: "ms", bar: null, is: "at most", decimals: 2 },
  "job.api_writes_per_node": { unit: "calls", bar: 4, is: "at most", decimals: 2 },
  "job.max_in_progress": { unit: "nodes", bar: 100, is: "at most", decimals: 0 },
  "job.seconds": { unit: "s", bar: null, is: "at most", decimals: 1 },
  "mapper.rss_mb_10_modbus": { unit: "MB", bar: 70, is: "at most", decimals: 1 },
} as const satisfies Record<string, Bar>;

export type MeasureName = keyof typeof BARS;

/** One figure of one run. */
export interface Figure {
  readonly name: MeasureName;
  readonly value: number;
}

/** A figure beside its bar, as it goes into a file. */
export interface Judged {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly bar: number | null;
  readonly holds: boolean;
}

/** Compares figures with their bars. */
export const judge = (figures: readonly Figure[]): Judged[] =>
  figures.map(({ name, value }) => {
    const { unit, bar, is, decimals } = BARS[name];
    const rounded = Number(value.toFixed(decimals));
    return { name, value: rounded, unit, bar, holds: isReached(rounded, { bar, is }) };
  });

function isReached(value: number, { bar, is }: Pick<Bar, "bar" | "is">): boolean {
  if (bar === null) return true;
  return is === "at least" ? value >= bar : value <= bar;
}

/** The table that a person reads. */
export function table(judged: readonly Judged[]): string {
  const rows = judged.map(({ name, value, unit, bar, holds }) => {
    const sign = BARS[name as MeasureName].is === "at least" ? "≥" : "≤";
    const wanted = bar === null ? ["no bar", ""] : [`${sign} ${bar}`, holds ? "✓" : "✗ missed"];
    return [name, String(value), unit, ...wanted];
  });
  const widths = [0, 1, 2, 3].map((i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 1 ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
        .join("  "),
    )
    .map((row) => `  ${row}`)
    .join("\n");
}
