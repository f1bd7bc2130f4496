import type { RequestListener } from "node:http";

type Package = typeof import("telesign-callback");

/** What the specs use of Express, of whichever version: its own types differ from one to the next. */
interface ExpressApp extends RequestListener {
  (...args: Parameters<RequestListener>): void;
  use(...handlers: unknown[]): ExpressApp;
  set(setting: string, value: unknown): ExpressApp;
}
interface Express {
  (): ExpressApp;
  json(options?: object): unknown;
  raw(options?: object): unknown;
  text(options?: object): unknown;
}

/** Express as named, with the package on top of that version's Router. */
function load(name: string): { express: Express } & Package {
  let loaded: Package | undefined;
  jest.isolateModules(() => {
    jest.doMock("express", () => jest.requireActual<object>(name));
    loaded = jest.requireActual<Package>("telesign-callback");
  });
  jest.dontMock("express");
  return { express: jest.requireActual<Express>(name), ...loaded! };
}

/** For `describe.each`: the versions of Express that the package supports. */
export const expressVersions: [string, { express: Express } & Package][] = [
  ["Express 5", load("express")],
  ["Express 4", load("express4")],
  ["Express 4.18.0", load("express418")],
];
