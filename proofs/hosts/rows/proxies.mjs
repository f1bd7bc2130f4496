import { join } from "node:path";

import { freePort } from "../../support/free-port.mjs";
import { checkAddress } from "../address-check.mjs";
import { checkList } from "../check-list.mjs";
import { startProxy, versionOf } from "../proxies.mjs";
import { http1, http2 } from "../senders.mjs";
import {
  checkKeptConnection,
  checkRefusals,
  createLog,
  deliverDuring,
} from "../traffic-checks.mjs";

const ADDRESS = "allowFrom";
/** nginx refuses more than 1 MB by itself, unless `client_max_body_size` allows it. */
const UPLOADS = { nginx: 900_000 };

function rowOfProxy({ name, proxy, instances = 1, except = {}, sender = http1, ...rest }) {
  const { isShort, ...settings } = rest;

  async function run(workshop) {
    const project = await workshop.project("proxies", { express: "^5.0.0" });
    const log = createLog(workshop.scratch(name));
    const env = { TRUST_PROXY: "1", LOG: log.path };
    const startApp = (port) =>
      workshop.startApp(process.execPath, [join(project, "apps/express.mjs")], {
        cwd: project,
        env: { ...env, PORT: String(port) },
      });
    const upstreams = [];
    for (let i = 0; i < instances; i += 1) upstreams.push(await freePort());
    const apps = await Promise.all(upstreams.map(startApp));
    const port = await freePort();
    const started = await startProxy(workshop, proxy, { ...settings, port, upstreams });
    const senderFrom = (from) => sender(port, { from });
    const send = senderFrom("127.0.0.1");

    async function restart() {
      await apps[0].end("SIGTERM");
      apps[0] = await startApp(upstreams[0]);
    }

    try {
      const failures = [];
      // The list needs a single inbox, but each instance has its own memory.
      if (instances === 1)
        failures.push(...(await checkList(send, { uploadBytes: UPLOADS[proxy] })));
      if (except[ADDRESS] === undefined) failures.push(...(await checkAddress(senderFrom)));
      failures.push(...(await checkRefusals(senderFrom)));
      if (settings.isKeepAlive) failures.push(...(await checkKeptConnection(send)));
      const mayRetry = instances === 1;
      failures.push(...(await deliverDuring(restart, send, log, { mayRetry })));
      return { version: versionOf(proxy), failures };
    } finally {
      await Promise.all([started, ...apps].map((each) => each.end()));
    }
  }

  return { name, isShort, except, run };
}

const overHttp2 = (port, { from }) => http2(`https://127.0.0.1:${port}`, { from });
const overProxyProtocol = (port, { from }) => http1(port, { proxied: from });

/** Proxies from Debian's packages, with their defaults unless the name says otherwise. */
export const proxies = [
  rowOfProxy({ name: "nginx, HTTP/1.0", proxy: "nginx", isShort: true }),
  rowOfProxy({
    name: "nginx, HTTP/1.1 keep-alive",
    proxy: "nginx",
    isKeepAlive: true,
    isShort: true,
  }),
  rowOfProxy({ name: "nginx, unbuffered", proxy: "nginx", isUnbuffered: true }),
  rowOfProxy({ name: "nginx, TLS and HTTP/2", proxy: "nginx", tls: true, sender: overHttp2 }),
  rowOfProxy({
    name: "nginx, proxy_protocol",
    proxy: "nginx",
    isProxied: true,
    sender: overProxyProtocol,
  }),
  rowOfProxy({ name: "nginx, two upstreams", proxy: "nginx", instances: 2, isShort: true }),
  rowOfProxy({ name: "HAProxy", proxy: "haproxy" }),
  rowOfProxy({
    name: "HAProxy, plain TCP",
    proxy: "haproxy",
    isPlainTcp: true,
    except: { [ADDRESS]: "a plain TCP proxy hides the address; filter there" },
  }),
  rowOfProxy({ name: "Apache", proxy: "apache2" }),
  rowOfProxy({ name: "Caddy", proxy: "caddy" }),
  rowOfProxy({ name: "Varnish", proxy: "varnishd" }),
];
