// SPDX-License-Identifier: Apache-2.0
import { REPORT_LIMITS, type NodeTaskReportImage } from "@longshore/crds/tasks";
import { type Fields, isFields, pick } from "../handler/index.ts";

const MAX_IMAGE_CHARS = 512;
const MAX_STATUS_CHARS = 16;
const MAX_TIME_CHARS = 64;
/** etcd takes 1.5 MiB an object. A character is up to 3 bytes, and names alone of all images still fit. */
const MAX_IMAGES_BYTES = 1024 * 1024;
const ELLIPSIS = "…";
/** Half of a character that the cut went through. */
const HALF_AT_END = /[\uD800-\uDBFF]$/;
const HALF_AT_START = /^[\uDC00-\uDFFF]/;
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** Reads untrusted texts of a report. What is too long is cut, what is no text is left out, and both are counted. */
export class Texts {
  /** Texts that were cut, and parts that were left out. */
  cuts = 0;

  /** @returns undefined for no text, or an empty one */
  of(fields: Fields, key: string, maxChars: number): string | undefined {
    return this.#cut(
      textOf(fields, key),
      maxChars,
      (text, most) => `${text.slice(0, most - 1).replace(HALF_AT_END, "")}${ELLIPSIS}`,
    );
  }

  /** As `of`, but of a long text the end is kept. */
  endOf(fields: Fields, key: string, maxChars: number): string | undefined {
    return this.#cut(
      textOf(fields, key),
      maxChars,
      (text, most) => `${ELLIPSIS}${text.slice(1 - most).replace(HALF_AT_START, "")}`,
    );
  }

  /** @returns undefined for what is no time */
  timeOf(fields: Fields, key: string): string | undefined {
    const text = textOf(fields, key);
    const isTime = text.length <= MAX_TIME_CHARS && RFC3339.test(text) && !Number.isNaN(Date.parse(text));
    if (!isTime && text !== "") this.cuts += 1;
    return isTime ? text : undefined;
  }

  /** Results of images, in the words of both dialects. @returns undefined when nothing like it is there */
  images(value: unknown): NodeTaskReportImage[] | undefined {
    if (!Array.isArray(value)) {
      if (value !== undefined && value !== null) this.cuts += 1;
      return undefined;
    }
    const entries = value.slice(0, REPORT_LIMITS.images);
    const read = entries.flatMap((entry: unknown) => (isFields(entry) ? [this.#image(entry)] : []));
    this.cuts += value.length - read.length;
    return this.#fitted(read);
  }

  /** Where all together is more than can be stored, reasons go. */
  #fitted(images: NodeTaskReportImage[]): NodeTaskReportImage[] {
    if (Buffer.byteLength(JSON.stringify(images)) <= MAX_IMAGES_BYTES) return images;
    this.cuts += images.length;
    return images.map((image) => pick({ ...image }, ["image", "status"]));
  }

  /** The JSON text in which KubeEdge's edges tell of images. */
  imagesIn(text: string): NodeTaskReportImage[] | undefined {
    if (text === "") return undefined;
    try {
      return this.images(JSON.parse(text));
    } catch {
      this.cuts += 1;
      return undefined;
    }
  }

  #image(entry: Fields): NodeTaskReportImage {
    const image = this.of(entry, "image", MAX_IMAGE_CHARS);
    const status = this.of(entry, "status", MAX_STATUS_CHARS) ?? STATUS.get(textOf(entry, "state"));
    const reason = this.of(entry, "reason", REPORT_LIMITS.imageReasonChars);
    return {
      ...(image !== undefined && { image }),
      ...(status !== undefined && { status }),
      ...(reason !== undefined && { reason }),
    };
  }

  #cut(
    text: string,
    maxChars: number,
    shorten: (text: string, maxChars: number) => string,
  ): string | undefined {
    if (text.length <= maxChars) return text === "" ? undefined : text;
    this.cuts += 1;
    // A part of a string keeps all of it in memory; a copy does not.
    return Buffer.from(shorten(text, maxChars)).toString();
  }
}

/** States of v1alpha1. */
const STATUS: ReadonlyMap<string, string> = new Map([
  ["Successful", "True"],
  ["Failed", "False"],
]);

function textOf(fields: Fields, key: string): string {
  const value = Object.hasOwn(fields, key) ? fields[key] : undefined;
  return typeof value === "string" ? value : "";
}
