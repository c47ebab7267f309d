import { afterAll } from "vitest";

import { endFile } from "./clean-up.ts";

afterAll(endFile);
