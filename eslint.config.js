import js from "@eslint/js";
import prettier from "eslint-config-prettier";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

const noInsecureTls = {
  selector: "Property[key.name='rejectUnauthorized'][value.value=false]",
  message: "TLS peers are always verified (S13). The one exception is documented where it stands.",
};
const noShell = {
  selector: "Property[key.name='shell'][value.value=true]",
  message: "No shell: pass an argv array to execFile or spawn.",
};

export default defineConfig(
  globalIgnores(["**/dist/", "**/node_modules/", "**/*.gen.ts", ".run/"]),
  { files: ["**/*.ts"], extends: [js.configs.recommended, tseslint.configs.strictTypeChecked] },
  {
    files: ["**/*.ts"],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      complexity: ["error", 10],
      "max-depth": ["error", 3],
      "max-params": ["error", 4],
      "no-restricted-syntax": ["error", noInsecureTls, noShell],
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/explicit-module-boundary-types": "error",
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/consistent-type-definitions": "off",
      "@typescript-eslint/no-unnecessary-condition": [
        "error",
        { allowConstantLoopConditions: "only-allowed-literals" },
      ],
    },
  },
  {
    files: ["**/test/**/*.ts", "hack/**/*.ts"],
    rules: {
      "@typescript-eslint/explicit-module-boundary-types": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
      "max-params": "off",
    },
  },
  prettier,
);
