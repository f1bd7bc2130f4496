import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";

import { apacheConfig, caddyConfig, haproxyConfig, nginxConfig, vcl } from "./proxy-configs.mjs";

/** Where Debian's packages put the programs, which need not be in a user's PATH. */
const programOf = (name) =>
  [`/usr/sbin/${name}`, `/usr/bin/${name}`].find((path) => existsSync(path)) ?? name;

/**
 * How each proxy is started: its program, the option that prints its version, its configuration's
 * file and text, and its arguments. `folder` is a temporary one, `port` the one to listen on.
 */
const PROXIES = {
  nginx: {
    versionOption: "-v",
    file: "nginx.conf",
    config: nginxConfig,
    args: (file) => ["-c", file, "-g", "daemon off;"],
  },
  haproxy: {
    versionOption: "-v",
    file: "haproxy.cfg",
    config: haproxyConfig,
    args: (file) => ["-db", "-f", file],
  },
  apache2: {
    versionOption: "-v",
    file: "apache2.conf",
    config: apacheConfig,
    args: (file) => ["-f", file, "-D", "FOREGROUND"],
  },
  caddy: {
    versionOption: "version",
    file: "Caddyfile",
    config: caddyConfig,
    args: (file) => ["run", "--adapter", "caddyfile", "--config", file],
  },
  varnishd: {
    versionOption: "-V",
    file: "default.vcl",
    config: vcl,
    args: (file, { folder, port }) => {
      const storage = ["-s", "malloc,32m", "-j", "none"];
      const work = ["-n", join(folder, "varnish")];
      return ["-F", ...work, "-a", `127.0.0.1:${port}`, "-f", file, ...storage];
    },
  },
};

export function versionOf(name) {
  const option = PROXIES[name].versionOption;
  // Some print it on stderr.
  const printed = execFileSync("sh", ["-c", `"$0" ${option} 2>&1`, programOf(name)]).toString();
  return /\d+\.\d+(\.\d+)?/.exec(printed)?.[0] ?? "";
}

/**
 * Starts a proxy on 127.0.0.1, not as a service: it ends with the workshop.
 *
 * @param {object} workshop what starts and ends it
 * @param {string} name which proxy
 * @param {{ port: number, upstreams: number[] }} settings where it listens, the ports of the apps
 *   behind it, and what else its configuration takes
 */
export async function startProxy(workshop, name, settings) {
  const { file, config, args } = PROXIES[name];
  const folder = workshop.scratch(`${name}-${settings.port}`);
  // Its workers may run as another user.
  chmodSync(workshop.folder, 0o755);
  chmodSync(folder, 0o777);
  if (settings.tls) makeCertificate(folder);
  const path = join(folder, file);
  writeFileSync(path, config({ ...settings, folder }));
  const env = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
  const given = args(path, { folder, port: settings.port });
  const started = workshop.start(programOf(name), given, { cwd: folder, env });
  for (let i = 0; i < 100; i += 1) {
    if (await isListening(settings.port)) return started;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await started.end();
  throw new Error(`${name} does not listen: ${started.output()}`);
}

function makeCertificate(folder) {
  const args = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost".split(" ");
  const files = ["-keyout", join(folder, "key.pem"), "-out", join(folder, "certificate.pem")];
  execFileSync("openssl", [...args, ...files], { stdio: "ignore" });
}

export function isListening(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => resolve(true));
    socket.on("error", () => resolve(false));
    socket.on("close", () => socket.destroy());
    socket.once("connect", () => socket.end());
  });
}
