/** What the listener was given. The module of the callback is one for all routes only by globalThis. */
export default function seen(req, res) {
  res.send(globalThis.tellSeen?.() ?? "[]");
}
