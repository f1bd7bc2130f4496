// Sends a conversation to the command line's own `listen`: `node command-line.mjs <program>`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const [, , program] = process.argv;
const listener = spawn(process.execPath, [program, "listen", "--port", "0", "--json"]);
const [line] = await once(createInterface(listener.stdout), "line");
const args = ["conversation", "--pace", "0", "--waits", "0,0", JSON.parse(line).url];
const [sent] = await once(spawn(process.execPath, [program, ...args]), "exit");
listener.kill("SIGINT");
const [received] = await once(listener, "exit");
if (sent !== 0 || received !== 0) throw new Error(`exit statuses ${sent} and ${received}`);
