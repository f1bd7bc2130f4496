import { Body, Controller, Get, HttpCode, Post } from "@nestjs/common";

import { OTHER, SEEN } from "./paths.mjs";
import { tellSeen } from "./receiver.mjs";

/** The app's own routes. Decorators are called by hand, since this is not TypeScript. */
export class OtherController {
  other() {
    return "other";
  }

  echo(body) {
    return body;
  }

  seen() {
    return tellSeen();
  }
}

Controller()(OtherController);
decorate("other", Get(OTHER));
decorate("echo", Post(OTHER), HttpCode(200));
decorate("seen", Get(SEEN));
Body()(OtherController.prototype, "echo", 0);

function decorate(name, ...decorators) {
  const { prototype } = OtherController;
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
  for (const decorator of decorators) decorator(prototype, name, descriptor);
}
