import { afterAll } from "vitest";

import { endProcesses } from "./service-process.fixture.ts";

// At the end of the file and not of each test, since tests that mostly wait do so side by side.
afterAll(endProcesses);
