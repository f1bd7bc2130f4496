// In a NestJS module: its middleware runs after Nest's body parsers, so `rawBody: true` must keep the bytes.
import "reflect-metadata";

import { Module, RequestMethod } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";

import { OtherController } from "./nest-controller.mjs";
import { OTHER, SEEN } from "./paths.mjs";
import { announce, createReceiver, keepId, port } from "./receiver.mjs";

// A route without a method is taken off `req.url`, like a mount point; one with a method is not.
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
