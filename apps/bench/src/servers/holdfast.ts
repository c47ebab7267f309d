/** Express 5 under our telemetry: a log line, a histogram and a span decision a request, sampled spans to the sink. */
import http from "node:http";
import { startTelemetry } from "@holdfast/telemetry";
import express from "express";
import routes from "./routes.cjs";

const endpoint = process.env["OTEL_EXPORTER_OTLP_ENDPOINT"];
const telemetry = startTelemetry({
  serviceName: "bench",
  serviceVersion: "0",
  instanceId: "bench-0",
  traces: { ...(endpoint ? { endpoint } : {}), samplingRatio: Number(process.env["OTEL_TRACES_SAMPLER_ARG"] ?? 0.1) },
});

const app = express();
routes.addRoutes(app);
http.createServer(telemetry.observe(app)).listen(Number(process.env["PORT"] ?? 0), "127.0.0.1");
