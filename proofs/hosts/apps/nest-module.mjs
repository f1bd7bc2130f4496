// In a NestJS module: its middleware runs after Nest's body parsers, so `rawBody: true` must keep the bytes.
import "reflect-metadata";

import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";

import { OtherController } from "./nest-controller.mjs";
import { PATH } from "./paths.mjs";
import { announce, createReceiver, keepId, port } from "./receiver.mjs";

class AppModule {
  configure(consumer) {
    consumer.apply(keepId, createReceiver({ path: "/" })).forRoutes(PATH);
  }
}
Module({ controllers: [OtherController] })(AppModule);

const app = await NestFactory.create(AppModule, { rawBody: true, logger: ["error"] });
announce(await app.listen(port, "127.0.0.1"));
