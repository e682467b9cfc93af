// SPDX-License-Identifier: Apache-2.0

/**
 * Keeps the codec that broker and client share from preparing 65,536 buffers at its first packet: 14 MB. The broker has
 * no option for it.
 */
export async function spareNumbers(): Promise<void> {
  // By its default: a bundle's parts do not know the names that a CommonJS module exports.
  const { default: codec } = await import("mqtt-packet");
  codec.writeToStream.cacheNumbers = false;
}
