// Signed callbacks behind one reverse proxy: signature, address and age are all checked.
// In both terminals: export TELESIGN_API_KEY=<what `openssl rand -base64 32` printed>
// Run: TELESIGN_ADDRESSES=192.0.2.0/24 npx --yes tsx examples/signed-behind-proxy.ts
// Then: npx telesign-callback send --header 'X-Forwarded-For: 192.0.2.7' http://127.0.0.1:3000/telesign/4f9d0c
import express from "express";
import { telesignCallback } from "telesign-callback";

const { TELESIGN_API_KEY, TELESIGN_ADDRESSES, PORT = "3000" } = process.env;
if (!TELESIGN_API_KEY || !TELESIGN_ADDRESSES) {
  throw new Error("set TELESIGN_API_KEY and TELESIGN_ADDRESSES");
}

const callback = telesignCallback({
  path: "/telesign/4f9d0c",
  apiKey: TELESIGN_API_KEY,
  allowFrom: TELESIGN_ADDRESSES.split(","),
  maxAge: 10 * 60_000,
});
callback.onMessage(({ mo_reference_id }) => console.log("accepted", mo_reference_id));
callback.on("rejected", ({ status, title }) => console.log("rejected", status, title));

const app = express();
// One proxy, which appends to X-Forwarded-For. Never set `true`: Express would believe whatever a
// sender writes there.
app.set("trust proxy", 1);
app.use(callback);

const server = app.listen(Number(PORT), "127.0.0.1", (error) => {
  if (error) throw error; // such as EADDRINUSE
  console.log("listening on", server.address());
});

// Prints: accepted, with the reference of the text
// or, if the keys differ: rejected 401 Signature missing or wrong
