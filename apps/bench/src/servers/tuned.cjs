// Express 5 with what can be tuned about it from outside, and no telemetry. Ours leaves Express as it is, so the ratio to
// this peer is the harsher one: nothing is gained by speeding up Express and calling it cheap telemetry.
const { hash } = require("node:crypto");
const http = require("node:http");
const express = require("express");
const { addRoutes } = require("./routes.cjs");

const app = express();
addRoutes(app);

// Requests and responses are born with Express' prototypes, so that Express need not change them (a change costs V8's shapes).
function Request(socket) {
  http.IncomingMessage.call(this, socket);
}
Request.prototype = app.request;
function Response(...args) {
  http.ServerResponse.apply(this, args);
}
Response.prototype = app.response;

// The same weak ETag as Express' own, hashed in one call.
app.set("etag", (body) => `W/"${Buffer.byteLength(body).toString(16)}-${hash("sha1", body, "base64").slice(0, 27)}"`);

// With a last handler of its own, Express need not make one for each request.
function notFound() {
  throw new Error("The benchmark asks for what there is.");
}
http
  .createServer({ IncomingMessage: Request, ServerResponse: Response }, (request, response) =>
    app(request, response, notFound),
  )
  .listen(Number(process.env.PORT ?? 0), "127.0.0.1");
