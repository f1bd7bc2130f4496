import { join } from "node:path";

/** Next's own part of the routes: the proof asks for the same paths everywhere. */
export default {
  turbopack: { root: join(import.meta.dirname, "../..") },
  rewrites: () => [
    { source: "/other", destination: "/api/other" },
    { source: "/seen", destination: "/api/seen" },
  ],
};
