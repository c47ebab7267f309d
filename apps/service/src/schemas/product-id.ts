import * as z from "zod";

export const productId = z
  .string()
  .max(64)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/)
  .meta({ id: "ProductId", description: "Lower-case words with hyphens between them.", example: "walnut-desk" });
