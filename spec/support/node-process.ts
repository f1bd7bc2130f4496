import { createServer } from "node:net";

/** Node's functions belong to Node's own realm, and so do those that their constructor makes. */
const NodeFunction = createServer.constructor as FunctionConstructor;

/** Node's own process, which emits its warnings. The `process` of a spec is a copy made by Jest. */
export const nodeProcess = NodeFunction("return process")() as NodeJS.Process;
