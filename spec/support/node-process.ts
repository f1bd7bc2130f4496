import { createServer } from "node:net";

/** Node's own `Function`: what it makes sees Node's globals, not Jest's copies of them. */
const NodeFunction = createServer.constructor as FunctionConstructor;

/** Node's own process, which emits its warnings. The `process` of a spec is a copy made by Jest. */
export const nodeProcess = NodeFunction("return process")() as NodeJS.Process;
