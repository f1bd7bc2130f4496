import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";

type Package = typeof import("telesign-callback");

/** What the specs use of any version of Express, since its own types differ between versions. */
interface ExpressApp extends RequestListener {
  (...args: Parameters<RequestListener>): void;
  use(...handlers: unknown[]): ExpressApp;
  get(path: string, ...handlers: unknown[]): ExpressApp;
  options(path: string, ...handlers: unknown[]): ExpressApp;
  set(setting: string, value: unknown): ExpressApp;
}
interface Express {
  (): ExpressApp;
  json(options?: object): unknown;
  raw(options?: object): unknown;
  text(options?: object): unknown;
}

/** The version of Express installed as `name`, and the package loaded on that version's Router. */
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

type Handler = (req: IncomingMessage, res: ServerResponse, next: () => void) => void;

interface Mount extends Package {
  readonly express: Express;
  /** Runs the handlers in turn; the package's callback is one of them. */
  readonly serve: (...handlers: Handler[]) => RequestListener;
}

/** Handlers that run ahead of an Express app, by `node:http` alone. */
function aheadOf(app: RequestListener, handlers: Handler[]): RequestListener {
  return (req, res) => {
    const run = (index: number): void => {
      const handler = handlers[index];
      if (handler) handler(req, res, () => run(index + 1));
      else app(req, res);
    };
    run(0);
  };
}

const inApps = expressVersions.map(([name, parts]): [string, Mount] => [
  `in an app of ${name}`,
  { ...parts, serve: (...handlers) => parts.express().use(...handlers) },
]);
const [, newest] = expressVersions[0]!;

/** For `describe.each`: the ways to mount the package. */
export const mounts: [string, Mount][] = [
  ...inApps,
  ["ahead of an app", { ...newest, serve: (...handlers) => aheadOf(newest.express(), handlers) }],
];
