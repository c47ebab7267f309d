// Preloaded into every peer alike: tells the harness where the peer listens and what it has used.
const http = require("node:http");

const { listen } = http.Server.prototype;
http.Server.prototype.listen = function listenAndReport(...args) {
  this.once("listening", () => process.send?.({ type: "listening", port: this.address().port }));
  return listen.apply(this, args);
};

process.on("message", (message) => {
  if (message !== "usage") return;
  const { user, system } = process.cpuUsage();
  process.send({ type: "usage", cpuMicros: user + system, rssBytes: process.memoryUsage.rss() });
});
process.on("disconnect", () => process.exit(0));
