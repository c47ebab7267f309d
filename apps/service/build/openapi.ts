import type { Plugin } from "esbuild";

import { openApiText } from "../src/openapi/text.ts";
import { operations, type Role } from "../src/schemas/operations.ts";

/** Puts the OpenAPI documents into the bundle as finished text, so that it carries no generator. */
export const finishedOpenApi: Plugin = {
  name: "finished-openapi",
  setup({ onLoad }) {
    onLoad({ filter: /src[\\/]openapi[\\/]text\.ts$/ }, function loadTexts() {
      const roles = Object.keys(operations) as Role[];
      const texts = Object.fromEntries(roles.map((role) => [role, openApiText(role)]));
      return {
        loader: "js",
        contents: `const texts = ${JSON.stringify(texts)};\nexport const openApiText = (role) => texts[role];`,
      };
    });
  },
};
