// One contender, in its own process, which table.mjs starts:
//
//   node --expose-gc bench/server.mjs <name>
import { contenders } from "./contenders.mjs";

let references = [];
const server = contenders[process.argv[2]]((reference) => references.push(reference));
server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));

let cpu;
const commands = {
  start() {
    references = [];
    cpu = process.cpuUsage();
    return {};
  },
  stop() {
    const { user, system } = process.cpuUsage(cpu);
    const delivered = references.length;
    const distinct = new Set(references).size;
    references = [];
    return { cpu: user + system, delivered, distinct };
  },
  memory() {
    globalThis.gc();
    const { rss, heapUsed } = process.memoryUsage();
    return { rss, heapUsed };
  },
};
process.on("message", (command) => process.send(commands[command]()));
process.on("disconnect", () => process.exit());
