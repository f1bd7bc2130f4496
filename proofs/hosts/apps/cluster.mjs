// Two workers of node:cluster behind one port. They share an inbox, since a retry may reach the
// other one.
import cluster from "node:cluster";

if (cluster.isPrimary) {
  cluster.fork();
  cluster.fork();
} else {
  await import("./bullmq.mjs");
}
