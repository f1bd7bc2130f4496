/** What the listener was given. Next's routes share only globalThis, so its function is there. */
export default function seen(req, res) {
  res.send(globalThis.tellSeen?.() ?? "[]");
}
