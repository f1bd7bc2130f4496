import { join } from "node:path";

/** Maps the paths that the proof requests on every host to Next's API routes. */
export default {
  turbopack: { root: join(import.meta.dirname, "../..") },
  rewrites: () => [
    { source: "/other", destination: "/api/other" },
    { source: "/seen", destination: "/api/seen" },
  ],
};
