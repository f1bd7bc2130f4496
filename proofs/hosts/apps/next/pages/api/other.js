/** One of the app's own routes. */
export default function other(req, res) {
  if (req.method === "GET") res.send("other");
  else res.json(req.body);
}
