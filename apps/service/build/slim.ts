/**
 * Leaves out of the bundle what this service never runs. V8 looks at every byte of a program before it starts: on two
 * cores 1 MB of unused functions costs some 35 ms of the start, as much as half of Express itself.
 *
 * Each stand-in either fails the build when something more is wanted of the module (an ES module without that export), or
 * throws a sentence at run time. The process tests run the bundle through all that the service does.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import type { Plugin } from "esbuild";

/** Module name and what stands in for it. Paths inside a package are safe here: its version is exact. */
const standIns: Record<string, string> = {
  // Tables of 100 charsets, 550 KB: bodies are JSON in UTF-8, anything else is refused before it is read.
  "iconv-lite": `
    const isUtf8 = (encoding) => /^utf-?8$/i.test(encoding);
    export const encodingExists = isUtf8;
    export function decode(bytes, encoding) {
      if (!isUtf8(encoding)) throw new Error("This bundle decodes UTF-8 only; take iconv-lite out of build/slim.ts.");
      return new TextDecoder().decode(bytes);
    }
    export function getDecoder() {
      throw new Error("This bundle decodes UTF-8 only; take iconv-lite out of build/slim.ts.");
    }`,
  // Express' extended query parser, 120 KB with all that it needs: ours is the simple one, Express 5's default.
  qs: `
    export function parse() {
      throw new Error("This bundle has Express' simple query parser only; take qs out of build/slim.ts.");
    }`,
  // Ranges of addresses, 22 KB: Express asks for them when it is told which proxies to trust, which a mesh does for us.
  "ipaddr.js": `
    function refuse() {
      throw new Error("This bundle cannot tell addresses of proxies; take ipaddr.js out of build/slim.ts.");
    }
    export { refuse as isValid, refuse as parse };`,
  // 1.1 of its 1.4 MB are fetch, WebSocket, caches and mocks.
  undici: `
    import Dispatcher from "undici/lib/dispatcher/dispatcher.js";
    import Pool from "undici/lib/dispatcher/pool.js";
    import api from "undici/lib/api/index.js";
    Object.assign(Dispatcher.prototype, api);
    export { Pool };`,
  // Its push gateway loads node:https and with it node:tls, 20 ms; its default metrics are not ours.
  "prom-client": `
    export { default as Counter } from "prom-client/lib/counter.js";
    export { default as Gauge } from "prom-client/lib/gauge.js";
    export { default as Registry } from "prom-client/lib/registry.js";`,
  // pino asks it only whether files that it writes itself are flushed at exit. Loading it takes 0.7 ms.
  worker_threads: "export const isMainThread = true;",
};

/** What a kept module would load although only another use of it needs it, by who asks and for what. */
const cutOff: { from: RegExp; path: RegExp }[] = [
  // The SDK knows every exporter by name, and metrics; it is told to send traces by OTLP over HTTP, and nothing else.
  {
    from: /@opentelemetry[\\/]/,
    path: /^@opentelemetry\/(exporter-(logs|metrics)-.*|exporter-(prometheus|zipkin|trace-otlp-grpc)|otlp-grpc-exporter-base|propagator-b3|sdk-metrics)$/,
  },
  // Bodies that are forms or streams of the web, and HTTP/2: requests upstream have no body and speak HTTP/1.1.
  { from: /undici[\\/]lib[\\/]/, path: /^\.\.\/web\/|^\.\/client-h2\.js$/ },
  // Files and worker threads to write to: the log has a destination of its own.
  {
    from: /node_modules[\\/]pino[\\/]/,
    path: /^(sonic-boom|on-exit-leak-free|(\.\/lib|\.)\/(transport|multistream))$/,
  },
  // The OpenAPI documents are finished when the bundle is.
  { from: /zod[\\/]v4[\\/]/, path: /\/(to-json-schema|json-schema-processors|from-json-schema)\.js$/ },
  // What it does in a browser.
  { from: /node_modules[\\/]debug[\\/]/, path: /^\.\/browser\.js$/ },
];

/** Media types that a service may answer with; the whole table has 2 500, sorted at every start. */
const mediaTypes =
  /^(text\/(html|plain|css|csv|javascript)|image\/(png|jpeg|gif|webp|svg\+xml)|font\/woff2?|multipart\/form-data|application\/(json|problem\+json|javascript|xml|pdf|wasm|octet-stream|x-www-form-urlencoded))$/;

export const slim: Plugin = {
  name: "slim",
  setup({ onLoad, onResolve }) {
    onResolve({ filter: new RegExp(`^(${Object.keys(standIns).join("|")})$`) }, ({ path }) => ({
      path,
      namespace: "stand-in",
    }));
    onLoad({ filter: /.*/, namespace: "stand-in" }, ({ path }) => ({
      contents: standIns[path] ?? "",
      loader: "js",
      resolveDir: import.meta.dirname,
    }));

    onResolve({ filter: /./ }, function cut({ path, importer, resolveDir }) {
      const isCut = cutOff.some((edge) => edge.from.test(importer) && edge.path.test(path));
      return isCut ? { path, namespace: "cut-off", pluginData: join(resolveDir, path) } : undefined;
    });
    onLoad({ filter: /./, namespace: "cut-off" }, async function loadCutOff({ path, pluginData }) {
      const sentence = JSON.stringify(`This bundle does not have ${path}; see cutOff in build/slim.ts.`);
      return { contents: await cutOffModule({ file: pluginData as string, sentence }), loader: "js" };
    });

    onLoad({ filter: /mime-db[\\/]db\.json$/ }, async function loadMediaTypes({ path }) {
      const table = Object.entries(JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>);
      return {
        contents: JSON.stringify(Object.fromEntries(table.filter(([type]) => mediaTypes.test(type)))),
        loader: "json",
      };
    });
  },
};

/** A module that throws the sentence when something of it is used, not yet when it is loaded. */
async function cutOffModule(opts: { file: string; sentence: string }): Promise<string> {
  const fail = `function fail() { throw new Error(${opts.sentence}); }`;
  // An ES module has to have the names that are imported of it.
  if (/zod/.test(opts.file)) {
    const names = (await readFile(opts.file, "utf8")).matchAll(/^export (?:const|function) (\w+)/gm);
    return `${fail}\nexport { ${[...names].map(([, name]) => `fail as ${name}`).join(", ")} };`;
  }
  // `instanceof` asks for two properties, of which one is a symbol.
  return `${fail}
    module.exports = new Proxy(fail, {
      get: (target, name) => (typeof name === "symbol" || name === "prototype" ? target[name] : fail()),
    });`;
}
