// SPDX-License-Identifier: Apache-2.0
// The program `modbus-mapper`.
import { defineMapper } from "@longshore/mapper";
import { modbusMapper } from "./mapper.ts";
import { modbusOptionsOf } from "./options.ts";

await defineMapper(modbusMapper(modbusOptionsOf(process.env))).run();
