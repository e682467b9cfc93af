// SPDX-License-Identifier: Apache-2.0
// A whole mapper: `node thermometer.js --dmi-socket /etc/kubeedge/dmi.sock --socket /etc/kubeedge/thermometer.sock`
import { createThermometer } from "./thermometer.ts";

await createThermometer().run();
