// What people use today: auto-instrumentation (preloaded by the harness), pino-http and a histogram on `finish`.
const express = require("express");
const pinoHttp = require("pino-http");
const { Histogram } = require("prom-client");
const { addRoutes } = require("./routes.cjs");

const duration = new Histogram({
  name: "http_server_request_duration_seconds",
  help: "Duration of HTTP server requests.",
  labelNames: ["http_request_method", "http_route", "http_response_status_code"],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
});

const app = express();
app.use(pinoHttp());
app.use((request, response, next) => {
  const stop = duration.startTimer();
  response.on("finish", () =>
    stop({
      http_request_method: request.method,
      http_route: request.baseUrl + (request.route?.path ?? ""),
      http_response_status_code: response.statusCode,
    }),
  );
  next();
});
addRoutes(app);
app.listen(Number(process.env.PORT ?? 0), "127.0.0.1");
