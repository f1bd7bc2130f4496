/** Each proxy's configuration: its defaults, and what a row sets. */

export function nginxConfig({ folder, servers, ...settings }) {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `pid ${folder}/pid;
error_log ${folder}/error.log;
worker_processes 1;
events {}
http {
  access_log off;
  ${temporary.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join("\n  ")}
  ${servers ?? serversOf({ folder, ...settings })}
}
`;
}

function serversOf({ folder, port, upstreams, isKeepAlive, isUnbuffered, tls, isProxied }) {
  return `upstream app {
    ${upstreams.map((upstream) => `server 127.0.0.1:${upstream};`).join("\n    ")}
    ${isKeepAlive ? "keepalive 8;" : ""}
  }
  server {
    listen 127.0.0.1:${port}${tls ? " ssl http2" : ""}${isProxied ? " proxy_protocol" : ""};
    ${tls ? `ssl_certificate ${folder}/certificate.pem; ssl_certificate_key ${folder}/key.pem;` : ""}
    ${isProxied ? "set_real_ip_from 127.0.0.1; real_ip_header proxy_protocol;" : ""}
    location / {
      proxy_pass http://app;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      ${isKeepAlive ? 'proxy_http_version 1.1; proxy_set_header Connection "";' : ""}
      ${isUnbuffered ? "proxy_http_version 1.1; proxy_request_buffering off; proxy_buffering off;" : ""}
      ${upstreams.length > 1 ? "proxy_next_upstream error timeout http_503 non_idempotent;" : ""}
    }
  }`;
}

export function haproxyConfig({ port, upstreams, isPlainTcp }) {
  return `defaults
  mode ${isPlainTcp ? "tcp" : "http"}
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  ${isPlainTcp ? "" : "option forwardfor"}
frontend all
  bind 127.0.0.1:${port}
  default_backend app
backend app
${upstreams.map((upstream, index) => `  server app${index} 127.0.0.1:${upstream}`).join("\n")}
`;
}

export function apacheConfig({ folder, port, upstreams }) {
  const modules = ["mpm_event", "authz_core", "proxy", "proxy_http"];
  const load = (name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`;
  return `ServerRoot ${folder}
ServerName localhost
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
Listen 127.0.0.1:${port}
${modules.map(load).join("\n")}
User www-data
Group www-data
ProxyPass / http://127.0.0.1:${upstreams[0]}/
`;
}

export function caddyConfig({ port, upstreams }) {
  return `{
  admin off
  auto_https off
}
http://127.0.0.1:${port} {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:${upstreams[0]}
}
`;
}

export function vcl({ upstreams }) {
  return `vcl 4.1;
backend default { .host = "127.0.0.1"; .port = "${upstreams[0]}"; }
`;
}
