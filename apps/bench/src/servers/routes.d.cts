import type { Express } from "express";

declare const routes: { addRoutes: (app: Express) => void };
export = routes;
