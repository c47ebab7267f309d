/** One HTTP server with the timeouts and the bookkeeping that a drain needs. */

import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as net from "node:net";

import type { Connections } from "./connections.ts";
import { listenError } from "./errors.ts";
import type { Settings } from "./options.ts";

export interface ServerOptions {
  handler: http.RequestListener;
  /** Absent: all addresses. */
  host?: string;
  /** 0: any free port, told by the `listening` event. */
  port: number;
  /** Passed to `http.createServer`, stronger than the lifecycle's timeouts. */
  createServerOptions?: http.ServerOptions;
}

export interface ManagedServer {
  /**
   * @throws LifecycleError PORT_TAKEN, PORT_FORBIDDEN, HOST_UNAVAILABLE or LISTEN_FAILED
   */
  listen(): Promise<{ host: string; port: number }>;
  /** Accepts no connection from now on; those that are open stay. */
  stopListening(): void;
  /** Ends it with all its connections. */
  close(): void;
}

export function createServer(
  name: "public" | "admin",
  opts: { server: ServerOptions; connections: Connections; timeouts: Settings["timeouts"] },
): ManagedServer {
  const { handler, host, port, createServerOptions } = opts.server;
  const server = http.createServer({
    keepAliveTimeout: toMs(opts.timeouts.keepAliveSeconds),
    headersTimeout: toMs(opts.timeouts.headersSeconds),
    requestTimeout: toMs(opts.timeouts.requestSeconds),
    // node looks every 30 s only, which would make 35 s out of a timeout of 5.
    connectionsCheckingInterval: 500,
    ...createServerOptions,
    // Refused by us, with a document.
    requireHostHeader: false,
  });
  opts.connections.attach(server, {
    handler,
    requireHost: createServerOptions?.requireHostHeader ?? true,
  });

  return {
    async listen() {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      server.once("error", reject);
      server.once("listening", resolve);
      server.listen({ port, ...(host === undefined ? {} : { host }) });
      try {
        await promise;
      } catch (error) {
        throw listenError(error, { server: name, host, port });
      } finally {
        server.off("error", reject);
      }
      const address = server.address() as AddressInfo;
      return { host: address.address, port: address.port };
    },
    stopListening() {
      // Not http.Server's close(): that one also destroys sockets whose response has ended but is still on its way to a slow
      // reader, and stops watching for requests that never arrive completely.
      net.Server.prototype.close.call(server);
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function toMs(seconds: number): number {
  return Math.round(seconds * 1000);
}
