/** A client that always has a request under way, over a socket that it keeps: the hardest one to drain. */

import { Agent, get } from "node:http";

export interface BusyClient {
  readonly answered: number;
  /** What went wrong, as error codes. */
  readonly failures: readonly string[];
  /** Resolves when the client has been told to go, or something went wrong. */
  readonly done: Promise<void>;
}

/** Leaves when an answer says `Connection: close`: its next connection goes to another replica, as the endpoints do not send here. */
export function startBusyClient(port: number, path: string): BusyClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const client = { answered: 0, failures: [] as string[] };

  async function work(): Promise<void> {
    try {
      for (let told = false; !told; client.answered += 1) {
        told = await ask({ port, path, agent });
      }
    } catch (error) {
      client.failures.push((error as NodeJS.ErrnoException).code ?? String(error));
    }
    agent.destroy();
  }
  return Object.assign(client, { done: work() });
}

/** Resolves when the answer is complete, with whether it said that the connection ends. */
function ask(opts: { port: number; path: string; agent: Agent }): Promise<boolean> {
  return new Promise((resolve, reject) => {
    get({ ...opts, host: "127.0.0.1" }, (response) => {
      response.resume();
      response.on("end", () =>
        response.complete ? resolve(response.headers.connection === "close") : reject(new Error("incomplete")),
      );
      response.on("error", reject);
    }).on("error", reject);
  });
}
