// Serverless platforms in miniature: a server turns each request into an event, as they do.
import { createServer } from "node:http";

import { announce, port, tellSeen } from "./receiver.mjs";

/** Makes the event of each platform from a request and its body. */
const EVENTS = {
  "API Gateway 1": (req, body) => ({
    ...eventOf(req, body),
    resource: "/{proxy+}",
    requestContext: { requestId: "1", stage: "prod", identity: { sourceIp: addressOf(req) } },
  }),
  "API Gateway 2": ({ method, url, headers, socket }, body) => ({
    version: "2.0",
    rawPath: url,
    rawQueryString: "",
    headers: { ...headers },
    requestContext: {
      stage: "$default",
      http: { method, path: url, sourceIp: socket.remoteAddress },
    },
    ...encoded(body),
  }),
  ALB: (req, body) => ({
    ...eventOf(req, body),
    headers: { ...req.headers, "x-forwarded-for": forwardedFor(req, addressOf(req)) },
    requestContext: { elb: { targetGroupArn: "arn:aws:elasticloadbalancing:::targetgroup/one" } },
  }),
  Azure: (req, body) => azureEventOf(req, body, addressOf(req)),
  // As if each sender had an IPv6 address.
  "Azure, IPv6": (req, body) =>
    azureEventOf(req, body, `[${addressOf(req).replace("127.0.0.", "2001:db8::")}]`),
};

function eventOf({ method, url, headers }, body) {
  return { httpMethod: method, path: url, headers: { ...headers }, ...encoded(body) };
}

/** Azure appends the port to the address. */
function azureEventOf(req, body, address) {
  const seen = `${address}:${req.socket.remotePort}`;
  return {
    method: req.method,
    url: req.url,
    query: {},
    headers: { ...req.headers, "x-forwarded-for": forwardedFor(req, seen) },
    body: body.toString(),
    rawBody: body.toString(),
  };
}

function encoded(body) {
  return { body: body.toString("base64"), isBase64Encoded: true };
}

function addressOf({ socket }) {
  return socket.remoteAddress;
}

/** A balancer appends what it saw to what the sender claims. */
function forwardedFor({ headers }, seen) {
  const claimed = headers["x-forwarded-for"];
  return claimed === undefined ? seen : `${claimed}, ${seen}`;
}

/**
 * Serves a function as the platform that `EVENT` names would.
 *
 * @param {(event: object) => Promise<{ statusCode?: number, status?: number, headers?: object, body: string }>} invoke
 */
export function servePlatform(invoke) {
  const makeEvent = EVENTS[process.env.EVENT];
  const server = createServer(async (req, res) => {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const answer = await invoke(makeEvent(req, Buffer.concat(chunks)));
    // How many texts the listener has by now: a platform may freeze the process here.
    res.setHeader("X-Delivered", JSON.parse(tellSeen()).length);
    res.statusCode = answer.statusCode ?? answer.status;
    const { headers = {}, multiValueHeaders = {} } = answer;
    for (const [name, value] of Object.entries({ ...multiValueHeaders, ...headers })) {
      if (!/^(connection|transfer-encoding)$/i.test(name)) res.setHeader(name, value);
    }
    res.end(answer.isBase64Encoded ? Buffer.from(answer.body, "base64") : answer.body);
  });
  announce(server.listen(port, "127.0.0.1"));
}
