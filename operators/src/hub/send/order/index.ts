// SPDX-License-Identifier: Apache-2.0
export { jobOf, ORDER_KINDS, specFor, type Job, type OrderKind } from "./job.ts";
export { Orders, type OrderThen } from "./orders.ts";
export { createOrderReports, type OrderReports } from "./reports.ts";
