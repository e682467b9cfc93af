// SPDX-License-Identifier: Apache-2.0
import { readModels } from "./read.ts";
import { schemaOf } from "./schema.ts";
import { typescriptOf } from "./typescript.ts";

/**
 * The files for authors of mappers: `<name>.ts` and `<name>.schema.json` of each DeviceModel in a YAML text, by name.
 * The same text gives the same files.
 *
 * @throws {Error} that says what is wrong with the text
 */
export function modelFiles(text: string): Map<string, string> {
  return new Map(
    readModels(text).flatMap((model) => [
      [`${model.name}.ts`, typescriptOf(model)],
      [`${model.name}.schema.json`, schemaOf(model)],
    ]),
  );
}
