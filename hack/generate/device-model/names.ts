// SPDX-License-Identifier: Apache-2.0

/** The name of an object as that of a type: `sensor-tag.v2` is SensorTagV2, `3d` is Model3d. */
export function typeName(name: string): string {
  const words = name.split(/[^A-Za-z0-9]+/).filter(Boolean);
  const pascal = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
  return /^[A-Z]/.test(pascal) ? pascal : `Model${pascal}`;
}

/** The same as that of a constant, which is no word of the language: `default` is defaultModel. */
export function constantName(name: string): string {
  const type = typeName(name);
  return `${type.charAt(0).toLowerCase()}${type.slice(1)}Model`;
}

const PLAIN = /^[A-Za-z_$][A-Za-z0-9_$]*$/;

/** A property name as a key of an interface. */
export const memberKey = (name: string): string => (PLAIN.test(name) ? name : literal(name));

/** The same of an object literal, where a plain or quoted `__proto__` would mean something else. */
export const objectKey = (name: string): string => (name === "__proto__" ? '["__proto__"]' : memberKey(name));

/** A text as a literal of TypeScript; only ASCII, so that nothing invisible is in the file. */
export const literal = (text: string): string =>
  JSON.stringify(text).replace(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** A text inside of a comment, on one line and unable to end it. */
export const inComment = (text: string): string =>
  text
    .replace(/[\s\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ")
    .trim()
    .replaceAll("*/", "* /");
