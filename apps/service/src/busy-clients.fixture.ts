/**
 * Clients that never pause: each sends its next request on its one kept-alive socket as soon as it has the answer. A client
 * that is told to go goes, as behind a balancer, which has other replicas for it.
 */
import { Client } from "undici";

export interface BusyClients {
  readonly answered: number;
  /** Clients that were sent away by `Connection: close`. */
  readonly sentAway: number;
  /** Stops them and gives what else they met, by error code or status. */
  stop(): Promise<Record<string, number>>;
}

export function startBusyClients(
  url: string,
  opts: { count: number; path?: string; headers?: Record<string, string> },
): BusyClients {
  const { count, path = "/api/products?limit=1", headers = {} } = opts;
  const failures: Record<string, number> = {};
  let answered = 0;
  let sentAway = 0;
  const stopped = new AbortController();

  async function run(client: Client): Promise<void> {
    while (!stopped.signal.aborted) {
      try {
        const response = await client.request({ method: "GET", path, headers });
        await response.body.text();
        if (response.statusCode === 200) answered += 1;
        else note(String(response.statusCode));
        if (response.headers["connection"] !== "close") continue;
        sentAway += 1;
        return;
      } catch (error) {
        note((error as NodeJS.ErrnoException).code ?? String(error));
        return;
      }
    }
  }

  function note(what: string): void {
    failures[what] = (failures[what] ?? 0) + 1;
  }

  const clients = Array.from({ length: count }, () => new Client(url));
  const runs = clients.map(run);
  return {
    get answered() {
      return answered;
    },
    get sentAway() {
      return sentAway;
    },
    async stop() {
      stopped.abort();
      await Promise.all(runs);
      await Promise.all(clients.map((client) => client.destroy()));
      return failures;
    },
  };
}
