// SPDX-License-Identifier: Apache-2.0
/*
 * Devices, from what happens to what it stands on:
 *   room.ts        what mappers ask, what the store tells     callers.ts   who a mapper is, and what it may report
 *   health-watch.ts  judges each device, tells what is new    health.ts    pure: why a device is in its state
 *   book.ts        the devices for those who do not speak DMI
 * to-mapper:
 *   mappers.ts     registration; one worker each              worker.ts    one mapper: plan, call, remember
 *   plan.ts        pure: what to tell a mapper, in order      next.ts      pure: which of it may begin now
 *   desired.ts     pure: what each mapper shall hold          message.ts   pure: a Device as mappers read it
 *   pauses.ts      items whose call failed                    reach.ts     a mapper, or our disk, that does not answer
 *   journal.ts     what mappers were told, on disk            tell.ts      one call, and what its refusal means
 * to-cloud:
 *   reports.ts     pure: is a report one to take              reporter.ts  reports on their way to the cloud
 *   twins.ts, states.ts  the latest of each device            latest-sender.ts, write-behind.ts  cloud and disk
 */
export type { DeviceOptions, DeviceRoom, DeviceRoomDeps } from "./port.ts";
export { createDeviceRoom } from "./room.ts";
