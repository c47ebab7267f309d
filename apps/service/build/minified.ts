/**
 * Shortens the names inside the packages that go into the bundle, since V8 reads them at every start. Our own code keeps
 * its names, so that a stack says without a source map where something went wrong.
 */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";

import { transform, type Plugin } from "esbuild";

/** Packages that are imported later stay as they are: shortening them makes the build slower, and no start faster. */
const importedLater = /[\\/](undici|sdk-(node|trace|logs)|otlp-[\w-]+|exporter-[\w-]+|resources)[\\/]/;

export const minifiedPackages: Plugin = {
  name: "minified-packages",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]node_modules[\\/].*\.[cm]?js$/ }, async function loadMinified({ path }) {
      if (importedLater.test(path)) return undefined;
      const { code } = await transform(await readFile(path, "utf8"), {
        loader: "js",
        target: "node24",
        minifyIdentifiers: true,
        sourcemap: "inline",
        sourcefile: basename(path),
        sourcesContent: false,
        legalComments: "none",
      });
      return { contents: code, loader: "js" };
    });
  },
};
