/** A route of the app's own. */
export default function other(req, res) {
  if (req.method === "GET") res.send("other");
  else res.json(req.body);
}
