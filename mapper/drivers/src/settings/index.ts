// SPDX-License-Identifier: Apache-2.0
export { settingsOf, SettingError, type IntegerRange, type Settings } from "./settings.ts";
