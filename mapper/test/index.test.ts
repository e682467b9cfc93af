// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "@jest/globals";
import { DMI_VERSION } from "@longshore/mapper";

describe("mapper SDK", () => {
  it("speaks the version of the Device Management Interface that KubeEdge's mappers speak", () => {
    expect(DMI_VERSION).toBe("v1beta1");
  });
});
