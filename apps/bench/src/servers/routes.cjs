// The one route of every peer: the answers must be identical, or the ratios say nothing.
const products = new Map(
  Array.from({ length: 100 }, (_, i) => [
    String(i + 1),
    {
      id: String(i + 1),
      name: `Product ${i + 1}`,
      price: { amount: 1999 + i, currency: "EUR" },
      tags: ["a", "b", "c"],
    },
  ]),
);

exports.addRoutes = function addRoutes(app) {
  app.get("/api/products/:id", (request, response) => {
    const product = products.get(request.params.id);
    if (product) response.json(product);
    else response.status(404).json({ title: "Not Found", status: 404 });
  });
};
