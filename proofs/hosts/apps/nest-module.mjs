// In a NestJS module: its middleware runs after Nest's body parsers, so `rawBody: true` must keep
// the bytes.
import "reflect-metadata";

import { Module, RequestMethod } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";

import { OtherController } from "./nest-controller.mjs";
import { OTHER, SEEN } from "./paths.mjs";
import { announce, createReceiver, keepId, port } from "./receiver.mjs";

// Nest takes a route without a method off `req.url`, like a mount point, but not one with a method.
const { ROUTE, METHOD, CALLBACK, PREFIX } = process.env;
const route = METHOD ? { path: ROUTE, method: RequestMethod[METHOD] } : ROUTE;

class AppModule {
  configure(consumer) {
    consumer.apply(keepId, createReceiver({ path: CALLBACK })).forRoutes(route);
  }
}
Module({ controllers: [OtherController] })(AppModule);

const app = await NestFactory.create(AppModule, { rawBody: true, logger: ["error"] });
if (PREFIX) app.setGlobalPrefix(PREFIX, { exclude: [OTHER, SEEN] });
announce(await app.listen(port, "127.0.0.1"));
