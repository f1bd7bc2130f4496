import { join } from "node:path";

import { PATH } from "../apps/paths.mjs";
import { execute } from "../packages.mjs";
import { http1, http2 } from "../senders.mjs";
import { rowOfApp } from "./row-of-app.mjs";

const nest = {
  "@nestjs/core": "latest",
  "@nestjs/common": "latest",
  "@nestjs/platform-express": "latest",
  "reflect-metadata": "latest",
  rxjs: "latest",
};

const next = (settings) =>
  rowOfApp({
    folder: "next",
    app: "next/server.mjs",
    dependencies: { next: "latest", react: "latest", "react-dom": "latest" },
    prepare: (project) =>
      execute("node_modules/.bin/next", ["build", join(project, "apps/next")], project),
    ...settings,
  });

/** Next.js serves API routes under /api. */
const underApi = (port) => {
  const send = http1(port);
  return (request) => send({ ...request, path: request.path.replace(/^\/telesign/, "/api$&") });
};

/** The package mounted in each framework, or put ahead of it. */
export const frameworks = [
  rowOfApp({ name: "Express 5", app: "express.mjs", dependencies: { express: "^5.0.0" } }),
  rowOfApp({ name: "Express 4", app: "express.mjs", dependencies: { express: "^4.18.0" } }),
  rowOfApp({ name: "Express 4.18.0", app: "express.mjs", dependencies: { express: "4.18.0" } }),
  rowOfApp({
    name: "Express, app.post(path, callback)",
    app: "route.mjs",
    dependencies: { express: "^5.0.0" },
  }),
  rowOfApp({
    name: "node:http",
    app: "node-http.mjs",
    dependencies: { express: "^5.0.0" },
    version: process.versions.node,
  }),
  rowOfApp({
    name: "node:http2",
    app: "node-http2.mjs",
    dependencies: { express: "^5.0.0" },
    version: process.versions.node,
    sender: (port) => http2(`http://127.0.0.1:${port}`),
  }),
  rowOfApp({ name: "connect", app: "connect.mjs", dependencies: { connect: "latest" } }),
  rowOfApp({ name: "Koa", app: "koa.mjs", dependencies: { koa: "latest" } }),
  rowOfApp({ name: "Fastify", app: "fastify.mjs", dependencies: { fastify: "latest" } }),
  rowOfApp({
    name: "Fastify, @fastify/express",
    app: "fastify-express.mjs",
    dependencies: { "@fastify/express": "latest", fastify: "latest" },
  }),
  rowOfApp({
    name: "Hono's Node server",
    app: "hono.mjs",
    dependencies: { "@hono/node-server": "latest", hono: "latest" },
  }),
  rowOfApp({ name: "NestJS, app.use", app: "nest-app.mjs", dependencies: nest, isShort: true }),
  rowOfApp({
    name: "NestJS, module",
    app: "nest-module.mjs",
    dependencies: nest,
    environments: {
      "forRoutes(path)": { ROUTE: "/telesign", CALLBACK: "/4f9d0c" },
      "forRoutes({ path, method })": { ROUTE: PATH, METHOD: "POST", CALLBACK: PATH },
      "a global prefix": { PREFIX: "telesign", ROUTE: "/4f9d0c", CALLBACK: "/" },
      "a global prefix, { path, method }": {
        PREFIX: "telesign",
        ROUTE: "/4f9d0c",
        METHOD: "POST",
        CALLBACK: PATH,
      },
    },
    except: {
      "not JSON: 400": "Nest's body parser runs first and answers its own 400",
      "an oversized body: 413, whole": "Nest's body parser runs first and answers its own 413",
    },
  }),
  next({ name: "Next.js, custom server", environments: { custom: { CUSTOM: "1" } } }),
  next({ name: "Next.js, API route", sender: underApi }),
];
