import { route, type Route } from "../http/route.ts";
import { openApiText } from "../openapi/text.ts";
import * as operations from "../schemas/operations.ts";

export function getOpenApi({ role }: { role: operations.Role }): Route {
  return route(operations.getOpenApi, function answerOpenApi(_input, res) {
    res.type("application/json").send(openApiText(role));
  });
}
