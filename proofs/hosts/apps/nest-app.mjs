// In a NestJS app: `app.use` before `listen` puts the callback before Nest's body parsers.
import "reflect-metadata";

import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";

import { OtherController } from "./nest-controller.mjs";
import { announce, createReceiver, keepId, port } from "./receiver.mjs";

class AppModule {}
Module({ controllers: [OtherController] })(AppModule);

const app = await NestFactory.create(AppModule, { logger: ["error"] });
app.use(keepId, createReceiver());
announce(await app.listen(port, "127.0.0.1"));
