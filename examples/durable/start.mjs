// Two receivers, two workers and a board with the dead letters, on one Redis. Copy this folder, and
// run `npm install telesign-callback express bullmq ioredis @bull-board/api @bull-board/express` in
// it. Then, with a redis-server running on 127.0.0.1:
//
//   BOARD_PASSWORD=secret node start.mjs
//
// Prints where the receivers and the board are, then a line for each message. Send a notification
// whose text is "poison" to get a dead letter; PORT is the first of three ports, 3000 by default.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const first = Number(process.env.PORT ?? 3000);
const programs = [
  ["receiver.mjs", first],
  ["receiver.mjs", first + 1],
  ["board.mjs", first + 2],
  ["worker.mjs"],
  ["worker.mjs"],
];

const children = programs.map(([program, port = ""]) =>
  spawn(process.execPath, [fileURLToPath(new URL(program, import.meta.url))], {
    env: { ...process.env, PORT: `${port}` },
    stdio: "inherit",
  }),
);

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => children.forEach((child) => child.kill("SIGTERM")));
}
