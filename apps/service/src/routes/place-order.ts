import type { Catalogue } from "../catalogue/catalogue.ts";
import { makeOrder } from "../catalogue/order.ts";
import { route, type Route } from "../http/route.ts";
import * as operations from "../schemas/operations.ts";

export function placeOrder({ catalogue }: { catalogue: Catalogue }): Route {
  return route(operations.placeOrder, function answerOrder({ header, body }, res) {
    const order = makeOrder({ key: header["idempotency-key"], request: body, catalogue });
    res.status(201).location(`/api/orders/${order.id}`).json(order);
  });
}
