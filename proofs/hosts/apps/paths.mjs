/** Where TeleSign delivers. */
export const PATH = "/telesign/4f9d0c";
/** Where only 127.0.0.2 may deliver, unsigned. */
export const GUARDED_PATH = "/telesign/guarded";
/** One of the app's own routes. */
export const OTHER = "/other";
/** Where the app reports what its listener was given. */
export const SEEN = "/seen";
