import { createServer } from "node:net";
import { CliError, errorCode } from "./cli-error.ts";

const DEFAULT_PORT = 8080;
export const USUAL_PORT_TAKEN = `Port ${DEFAULT_PORT} is taken: serving on a free one instead.`;
/** Where a port must be free: a browser that is told "localhost" tries both. */
const LOOPBACKS = ["127.0.0.1", "::1"];

/**
 * Where to serve: the wanted port, or by default 8080. When that one is taken, any free port (0), with a sentence that
 * says so. Throws a CliError with the code PORT_TAKEN when a wanted one is taken.
 */
export async function choosePort(wanted: number | undefined): Promise<{ port: number; trouble?: string }> {
  if (wanted === 0) return { port: 0 };
  const trouble = await portTrouble(wanted ?? DEFAULT_PORT);
  if (!trouble) return { port: wanted ?? DEFAULT_PORT };
  if (wanted === undefined) return { port: 0, trouble: USUAL_PORT_TAKEN };
  const sentence =
    trouble === "EACCES"
      ? `Port ${wanted} is for privileged programs only: give a \`--port\` from 1024 up (0 takes any free one).`
      : `Port ${wanted} is taken: end what listens there, or give another \`--port\` (0 takes any free one).`;
  throw new CliError(sentence, { code: "PORT_TAKEN" });
}

async function portTrouble(port: number): Promise<string | undefined> {
  for (const host of LOOPBACKS) {
    const trouble = await listenOnce(port, host);
    // A machine without IPv6 has nobody listening there.
    if (trouble && trouble !== "EADDRNOTAVAIL" && trouble !== "EAFNOSUPPORT") return trouble;
  }
  return undefined;
}

/** The operating system's code for why that cannot be listened on. */
function listenOnce(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve(errorCode(error) ?? "EUNKNOWN"));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}
