/**
 * `http.route`: the pattern of the route that matched, with the patterns of the mount points before it.
 *
 * Express knows it while the route runs (`req.baseUrl` + `req.route.path`), but not where it is needed: by the time an
 * app-level error handler answers, and at the response's end, `req.baseUrl` is empty again. So the mount path is
 * remembered on the way in, at the moment when the router stores the matched route on the request.
 */
import type { IncomingMessage, RequestListener } from "node:http";

// Left on the request by the router's own hand, so to say: after Express has changed the request's prototype. A property
// of ours before that made the change of prototype cost 14 us more, a WeakMap beside it twice the memory.
const ROUTE = Symbol("matched route");
const MOUNT_PATH = Symbol("mount path of the matched route");
const APP = Symbol("app of the matched route");

interface ObservedMessage extends IncomingMessage {
  [ROUTE]?: unknown;
  [MOUNT_PATH]?: string;
  [APP]?: object;
  /** Express: the path that the routers up to here have matched, as the client wrote it. */
  baseUrl?: string;
  /** Express: the (sub-)app that handles the request now. */
  app?: object;
}

/** What of an Express app is used: documented parts only, each of them optional. */
interface ExpressApp {
  /** The prototype of its requests (Express: "Overriding the Express API"). */
  readonly request?: object;
  /** Where a sub-app is mounted, as a pattern. */
  readonly path?: () => string;
  readonly router?: Lister;
}

/** Express >= 5.3 lists its routes; with an older one mount points are known by their text only. */
interface Lister {
  listRoutes?: () => ListedRoute[];
}

interface ListedRoute {
  readonly path: unknown;
  readonly methods: readonly string[] | undefined;
  readonly router: Lister | undefined;
}

/**
 * Makes the requests of an Express app remember their mount path when a route matches; a sub-app inherits it, since
 * Express lets its prototype inherit the parent's. Nothing happens for a listener that is no Express app.
 */
export function rememberMountPaths(app: RequestListener): void {
  const { request } = app as ExpressApp;
  if (typeof request !== "object" || request === null || Object.hasOwn(request, "route")) return;
  Object.defineProperty(request, "route", {
    configurable: true,
    enumerable: true,
    get(this: ObservedMessage): unknown {
      return this[ROUTE];
    },
    set(this: ObservedMessage, route: unknown) {
      this[ROUTE] = route;
      this[MOUNT_PATH] = this.baseUrl ?? "";
      if (this.app !== undefined) this[APP] = this.app;
    },
  });
}

// A pattern longer than this is no name for a label.
const MAX_PATTERN_CHARS = 200;

/** A path pattern as people wrote it: a string, a RegExp, or a list of those. */
function patternText(path: unknown): string {
  const text = Array.isArray(path) ? path.map(String).join("|") : String(path);
  return text.slice(0, MAX_PATTERN_CHARS);
}

function joinPatterns(mount: string, path: string): string {
  // The route "/" of a router mounted at "/products" answers "/products".
  return mount !== "" && path === "/" ? mount : `${mount}${path}`;
}

export interface RouteNames {
  /** The full pattern of the matched route, or undefined when no route matched. */
  nameOf(req: IncomingMessage): string | undefined;
  /** Every route that the app lists now, as far as its version of Express can tell. */
  list(): { readonly method: string; readonly route: string }[];
}

interface MountMatcher {
  readonly pattern: string;
  readonly matches: RegExp;
}

export function createRouteNames(app: RequestListener): RouteNames {
  // Per route its last name: a pattern is put together once, not once a request.
  const names = new WeakMap<object, { readonly mountPath: string; readonly name: string }>();
  const mountsOf = new WeakMap<object, MountMatcher[]>();

  function nameOf(req: ObservedMessage): string | undefined {
    const route = req[ROUTE];
    if (typeof route !== "object" || route === null) return undefined;
    const mountPath = req[MOUNT_PATH] ?? "";
    const known = names.get(route);
    if (known !== undefined && known.mountPath === mountPath) return known.name;
    const mount = mountPath === "" ? "" : mountPattern(mountPath, req[APP] ?? app);
    const name = joinPatterns(mount, patternText((route as { path?: unknown }).path));
    names.set(route, { mountPath, name });
    return name;
  }

  /**
   * `/Orgs/42/users` -> `/orgs/:org/users`: routing ignores case, so what a client writes there, and a parameter's
   * value even more, must not become a label of its own.
   */
  function mountPattern(mountPath: string, owner: ExpressApp): string {
    let mounts = mountsOf.get(owner);
    if (mounts === undefined) {
      const prefix = mountText(owner.path?.() ?? "");
      mounts = [prefix, ...listMounts(owner.router, prefix)].map(toMatcher);
      mountsOf.set(owner, mounts);
    }
    return mounts.find((mount) => mount.matches.test(mountPath))?.pattern ?? mountPath.toLowerCase();
  }

  return { nameOf, list: () => listRoutes((app as ExpressApp).router, "") };
}

function listMounts(router: Lister | undefined, mount: string): string[] {
  return (router?.listRoutes?.() ?? [])
    .filter((entry) => entry.router !== undefined)
    .flatMap((entry) => {
      const pattern = `${mount}${mountText(entry.path)}`;
      return [pattern].concat(listMounts(entry.router, pattern));
    });
}

function listRoutes(router: Lister | undefined, mount: string): { method: string; route: string }[] {
  return (router?.listRoutes?.() ?? []).flatMap((entry) => {
    if (entry.router !== undefined) return listRoutes(entry.router, `${mount}${mountText(entry.path)}`);
    const route = joinPatterns(mount, patternText(entry.path));
    return (entry.methods ?? []).map((method) => ({ method, route }));
  });
}

function mountText(path: unknown): string {
  const text = patternText(path);
  return text === "/" ? "" : text.replace(/\/$/, "");
}

/** A path-to-regexp 8 pattern as a RegExp that is good enough to tell mount points apart. */
function toMatcher(pattern: string): MountMatcher {
  const source = pattern
    .replaceAll(/[.+?^$()[\]|\\]/g, String.raw`\$&`)
    .replaceAll(/:(\w+|"[^"]*")/g, "[^/]+")
    .replaceAll(/\*(\w+|"[^"]*")/g, ".+")
    .replaceAll("{", "(?:")
    .replaceAll("}", ")?");
  try {
    return { pattern, matches: new RegExp(`^${source}$`, "i") };
  } catch {
    // A mount that is a RegExp of its own, or a pattern that was cut: it keeps the path it was mounted with.
    return { pattern, matches: /(?!)/ };
  }
}
