// SPDX-License-Identifier: Apache-2.0
/** Name that a mapper made with this SDK gives as its API version when it registers. */
export const DMI_VERSION = "v1beta1";
