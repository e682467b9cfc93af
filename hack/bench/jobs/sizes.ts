// SPDX-License-Identifier: Apache-2.0
import { sizeOf } from "../size.ts";

/** BENCH_JOB_NODES and BENCH_JOB_CONCURRENCY: fewer for a quick try. */
export const JOB_NODES = sizeOf("BENCH_JOB_NODES", 1_000);
export const JOB_CONCURRENCY = sizeOf("BENCH_JOB_CONCURRENCY", 100);
