import { createLifecycle } from "@holdfast/lifecycle";
import { createShedder } from "@holdfast/resilience";
import { startTelemetry } from "@holdfast/telemetry";

import { createAdmin } from "./admin/admin.ts";
import { createApi } from "./api.ts";
import { reportConfig } from "./bindings/config.ts";
import { reportErrors } from "./bindings/errors.ts";
import { reportFaults } from "./bindings/faults.ts";
import { reportLifecycle } from "./bindings/lifecycle.ts";
import { namingLogFileDir } from "./bindings/log-files.ts";
import { reportShedder } from "./bindings/shedder.ts";
import { reportUpstream } from "./bindings/upstream.ts";
import { createCatalogue } from "./catalogue/catalogue.ts";
import { products } from "./catalogue/products.ts";
import { runProgram } from "./command-line.ts";
import { readConfig } from "./config/config.ts";
import { createRoutes } from "./routes/routes.ts";

async function main(): Promise<void> {
  const config = readConfig(process.env); // all mistakes at once, or a config
  const shedder = createShedder(config.shedding);
  const telemetry = namingLogFileDir(() =>
    startTelemetry({ ...config.telemetry, eventLoopUtilization: () => shedder.utilization }),
  );
  const lifecycle = createLifecycle(config.lifecycle);
  // Faults and the client of the upstream are loaded only where there are any.
  const faults =
    config.faults &&
    (await import("./faults/faults.ts")).createFaults({ ...config.faults, lifecycle, exit: process.exit });
  const stock =
    config.stock &&
    (await import("./stock/client.ts")).createStockClient(config.stock, { telemetry, lifecycle, faults });

  const catalogue = createCatalogue(products);
  const api = createApi({
    ...config.api,
    routes: createRoutes({ role: config.role, catalogue, stock }),
    shedder,
    disturb: faults?.disturbRequest,
    onError: reportErrors(telemetry),
  });
  const admin = createAdmin({ lifecycle, telemetry, faults, onError: reportErrors(telemetry) });

  // The only places where events meet telemetry.
  reportConfig(config, telemetry);
  reportLifecycle(lifecycle, telemetry);
  reportShedder(shedder, { lifecycle, telemetry });
  if (faults) reportFaults(faults, telemetry);
  if (stock) reportUpstream(stock, telemetry);

  await lifecycle.run({
    public: { ...config.public, handler: telemetry.observe(api) },
    admin: { ...config.admin, handler: admin },
    prepare: async (signal) => faults?.slowStart(config.faults?.slowStartMs ?? 0, signal),
    close: stock ? [stock] : [],
    flush: [{ name: "telemetry", close: telemetry.close }],
    ignoreSignal: () => faults?.disturbance.ignoreSignals === true,
  });
}

void runProgram(main, process.argv.slice(2));
