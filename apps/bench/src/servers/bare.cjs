// Express 5 and nothing else: what every ratio is a ratio to.
const express = require("express");
const { addRoutes } = require("./routes.cjs");

const app = express();
addRoutes(app);
app.listen(Number(process.env.PORT ?? 0), "127.0.0.1");
