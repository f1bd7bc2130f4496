/** What the listener was given. All routes share only globalThis, so the callback is there. */
export default function seen(req, res) {
  res.send(globalThis.tellSeen?.() ?? "[]");
}
