import assert from "node:assert/strict";

import * as v from "valibot";

import { authSection } from "../../../registry/config/auth-section.js";

/** Rules that can never hold passed for good ones, and whoever they were meant for found the registry closed. */
describe("an access rule that can never hold", () => {
  for (const [what, rule, problem] of [
    ["names nobody", { actions: ["pull"] }, "is for nobody: users, groups or anonymous is needed"],
    [
      "names an empty list of users",
      { users: [], actions: ["pull"] },
      "is for nobody: users, groups or anonymous is needed",
    ],
    ["allows nothing", { anonymous: true, actions: [] }, "allows nothing"],
    ["names no repository", { repositories: [], anonymous: true, actions: ["pull"] }, "names no repository"],
    ...["/team", "team/", "team//app"].map((one) => {
      const slip = { repositories: [one], anonymous: true, actions: ["pull"] };
      return [`is for ${one}`, slip, "is no pattern of repository names"] as const;
    }),
  ] as const) {
    it(`is a mistake when it ${what}`, () => {
      const { issues } = v.safeParse(authSection, { access: [rule] });
      assert.equal(issues?.length, 1);
      assert.ok(issues[0].message.startsWith(problem), issues[0].message);
    });
  }
});
