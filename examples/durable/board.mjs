// Shows dead letters in Bull Board: its Failed tab lists them, and its Retry button hands one over
// again. The board shows people's texts, so it must be protected: here, by a password from the
// environment.
import { createHash, timingSafeEqual } from "node:crypto";

import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { ExpressAdapter } from "@bull-board/express";
import { Queue } from "bullmq";
import express from "express";

import { connection } from "./connection.mjs";

const { PORT, BOARD_PASSWORD } = process.env;
if (!BOARD_PASSWORD) throw new Error("set BOARD_PASSWORD");

const board = new ExpressAdapter().setBasePath("/board");
const queue = new Queue("telesign-callback", { connection });
createBullBoard({ queues: [new BullMQAdapter(queue)], serverAdapter: board });

function authenticate(req, res, next) {
  const expected = `Basic ${Buffer.from(`operator:${BOARD_PASSWORD}`).toString("base64")}`;
  if (timingSafeEqual(digest(req.get("authorization") ?? ""), digest(expected))) return next();
  res.set("WWW-Authenticate", "Basic").sendStatus(401);
}

// A digest has the same length whatever was sent, as timingSafeEqual requires.
function digest(text) {
  return createHash("sha256").update(text).digest();
}

express()
  .use("/board", authenticate, board.getRouter())
  .listen(Number(PORT), "127.0.0.1", (error) => {
    if (error) throw error; // such as EADDRINUSE
    console.log(`board at http://127.0.0.1:${PORT}/board, user operator`);
  });
