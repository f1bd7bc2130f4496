// The smallest useful receiver: an Express app that prints each masked text once.
// Run: npx --yes tsx examples/server.ts
// Then: npx telesign-callback send http://127.0.0.1:3000/telesign/4f9d0c
import express from "express";
import { telesignCallback } from "telesign-callback";

const callback = telesignCallback({ path: "/telesign/4f9d0c" });

callback.onMessage((message) => {
  console.log(`${message.from_phone_number} says: ${message.mo_message}`);
});

const app = express();
app.use(callback);

const server = app.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", (error) => {
  if (error) throw error; // such as EADDRINUSE
  console.log("listening on", server.address());
});

// Prints: 15551234 says: I am standing at the corner wearing a blue shirt
