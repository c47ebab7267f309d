import { request } from "undici";

/** One request over a connection of its own. */
export async function get(port: number, path: string) {
  const { statusCode, headers, body } = await request(`http://127.0.0.1:${port}${path}`, { reset: true });
  return { status: statusCode, headers, body: await body.text() };
}
