import { request } from "undici";
import { CliError, messageOf } from "./cli-error.ts";

/** A service that is ready answers in milliseconds; longer, and something is wrong that waiting does not mend. */
const TIMEOUT_MS = 5_000;

/** Waits for the first answer, and takes from it the ids that the load asks for. `hint` says where to look when there is none. Throws a CliError with the code NO_FIRST_ANSWER. */
export async function firstAnswer(
  url: string,
  { hint = "Their logs say more; --log-dir keeps them." }: { hint?: string } = {},
): Promise<string[]> {
  try {
    const { statusCode, body } = await request(`${url}/api/products?limit=10`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const page: unknown = await body.json();
    if (statusCode === 200 && page && typeof page === "object" && "items" in page && Array.isArray(page.items)) {
      return page.items.map((item: { id: string }) => item.id);
    }
    throw new Error(`it answered ${statusCode}`);
  } catch (error) {
    throw new CliError(
      `The replicas are ready and ${url}/api/products does not answer as it should: ${messageOf(error)}. ${hint}`,
      {
        code: "NO_FIRST_ANSWER",
        cause: error,
      },
    );
  }
}
