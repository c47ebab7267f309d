/** The routes that the tests of this package ask; a plain node:http listener. */

import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

/** More than a loopback socket's buffers hold, so that a response stays on its way while nobody reads it. */
export const BIG_BODY_BYTES = 16_000_000;

/** `began` hears of each request when its handler is called. */
export function createApp(began: (path: string) => void = () => {}): RequestListener {
  return function serve(request: IncomingMessage, response: ServerResponse) {
    const url = new URL(request.url ?? "/", "http://localhost");
    const ms = Number(url.searchParams.get("ms") ?? "0");
    began(`${url.pathname}${url.search}`);
    switch (url.pathname) {
      case "/slow": // implicit headers
        setTimeout(() => response.end(`slow ${url.search}`), ms);
        return;
      case "/explicit": // explicit headers, which say the contrary
        setTimeout(() => {
          response.writeHead(200, { connection: "keep-alive", "keep-alive": "timeout=5", "x-kept": "yes" });
          response.end("explicit");
        }, ms);
        return;
      case "/list": // the same, as a flat list
        setTimeout(() => {
          response.writeHead(200, "Fine", ["Connection", "keep-alive", "x-kept", "yes", "set-cookie", "a=1"]);
          response.end("list");
        }, ms);
        return;
      case "/hints":
        response.writeEarlyHints({ link: "</style.css>; rel=preload" });
        setTimeout(() => response.end("hints"), ms);
        return;
      case "/stream": // headers at once, the body's end later
        response.writeHead(200, { "content-length": "10" });
        response.write("12345");
        setTimeout(() => response.end("67890"), ms);
        return;
      case "/big":
        response.end(Buffer.alloc(BIG_BODY_BYTES, "b"));
        return;
      case "/stuck":
        return;
      case "/block": {
        const endMs = performance.now() + ms;
        while (performance.now() < endMs) {
          // a loop that is too long
        }
        response.end("blocked");
        return;
      }
      case "/crash":
        setImmediate(() => {
          throw new Error("a bug");
        });
        return;
      case "/reject":
        void Promise.reject(new Error("nobody catches this"));
        response.end("rejected");
        return;
      case "/echo": {
        const parts: Buffer[] = [];
        request.on("data", (part: Buffer) => parts.push(part));
        request.on("end", () => response.end(Buffer.concat(parts)));
        return;
      }
      default:
        response.end(url.pathname);
    }
  };
}
