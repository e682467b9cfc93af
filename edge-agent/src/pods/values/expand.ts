// SPDX-License-Identifier: Apache-2.0

const REFERENCE = /\$(\$|\(([^)]*)\))/g;

/** Expands `$(NAME)` from `env`; `$$` is a literal `$`; a name that is not there stays as written. */
export function expand(text: string, env: ReadonlyMap<string, string>): string {
  return text.replace(REFERENCE, (whole: string, token: string, name: string | undefined) =>
    token === "$" ? "$" : (env.get(name ?? "") ?? whole),
  );
}
