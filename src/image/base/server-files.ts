/** Text files of the images that serve: configurations, start pages, entrypoints; in words of our own where they are more than facts. */

export const nginxConf = `
user  nginx;
worker_processes  auto;

error_log  /var/log/nginx/error.log notice;
pid        /run/nginx.pid;


events {
    worker_connections  1024;
}


http {
    include       /etc/nginx/mime.types;
    default_type  application/octet-stream;

    log_format  main  '$remote_addr - $remote_user [$time_local] "$request" '
                      '$status $body_bytes_sent "$http_referer" '
                      '"$http_user_agent" "$http_x_forwarded_for"';

    access_log  /var/log/nginx/access.log  main;

    sendfile        on;

    keepalive_timeout  65;

    include /etc/nginx/conf.d/*.conf;
}
`;

export const nginxDefaultConf = `server {
    listen       80;
    server_name  localhost;

    location / {
        root   /usr/share/nginx/html;
        index  index.html index.htm;
    }

    # Errors of the server have a page of their own.
    error_page   500 502 503 504  /50x.html;
    location = /50x.html {
        root   /usr/share/nginx/html;
    }
}
`;

const types: readonly (readonly [type: string, extensions: string])[] = [
  ["text/html", "html htm shtml"],
  ["text/css", "css"],
  ["text/xml", "xml"],
  ["image/gif", "gif"],
  ["image/jpeg", "jpeg jpg"],
  ["application/javascript", "js"],
  ["application/atom+xml", "atom"],
  ["application/rss+xml", "rss"],
  ["text/plain", "txt"],
  ["image/avif", "avif"],
  ["image/png", "png"],
  ["image/svg+xml", "svg svgz"],
  ["image/webp", "webp"],
  ["image/x-icon", "ico"],
  ["font/woff", "woff"],
  ["font/woff2", "woff2"],
  ["application/json", "json"],
  ["application/pdf", "pdf"],
  ["application/wasm", "wasm"],
  ["application/zip", "zip"],
  ["audio/mpeg", "mp3"],
  ["audio/ogg", "ogg"],
  ["video/mp4", "mp4"],
  ["video/webm", "webm"],
];

export const mimeTypes = `\ntypes {\n${types.map(([type, extensions]) => `    ${type.padEnd(48)} ${extensions};\n`).join("")}}\n`;
export const apacheMimeTypes = types.map(([type, extensions]) => `${type.padEnd(48)} ${extensions}\n`).join("");

export const nginxIndex = `<!DOCTYPE html>
<html>
<head>
<title>Welcome to nginx!</title>
<style>
html { color-scheme: light dark; }
body { width: 35em; margin: 0 auto;
font-family: Tahoma, Verdana, Arial, sans-serif; }
</style>
</head>
<body>
<h1>Welcome to nginx!</h1>
<p>If you see this page, the nginx web server is installed and works. What it serves lies in
/usr/share/nginx/html, how it serves that stands in /etc/nginx/conf.d/default.conf.</p>
</body>
</html>
`;

export const nginxError = `<!DOCTYPE html>
<html>
<head>
<title>Error</title>
</head>
<body>
<h1>An error occurred.</h1>
<p>The page is not available at the moment. Please try again later.</p>
</body>
</html>
`;

/** Path and content. */
export const nginxScripts: readonly (readonly [path: string, content: string])[] = [
  [
    "docker-entrypoint.sh",
    `#!/bin/sh
# Runs what is in /docker-entrypoint.d before nginx starts.
set -e

log() {
  if [ -z "\${NGINX_ENTRYPOINT_QUIET_LOGS:-}" ]; then
    echo "$@"
  fi
}

if [ "$1" = "nginx" ] || [ "$1" = "nginx-debug" ]; then
  if [ -n "$(ls -A /docker-entrypoint.d/ 2>/dev/null)" ]; then
    log "$0: /docker-entrypoint.d/ is not empty, will attempt to perform configuration"
    log "$0: Looking for shell scripts in /docker-entrypoint.d/"
    for f in /docker-entrypoint.d/*; do
      case "$f" in
        *.envsh)
          if [ -x "$f" ]; then
            log "$0: Sourcing $f"
            . "$f"
          else
            log "$0: Ignoring $f, not executable"
          fi
          ;;
        *.sh)
          if [ -x "$f" ]; then
            log "$0: Launching $f"
            "$f"
          else
            log "$0: Ignoring $f, not executable"
          fi
          ;;
        *) log "$0: Ignoring $f" ;;
      esac
    done
    log "$0: Configuration complete; ready for start up"
  else
    log "$0: No files found in /docker-entrypoint.d/, skipping configuration"
  fi
fi

exec "$@"
`,
  ],
  [
    "docker-entrypoint.d/10-listen-on-ipv6-by-default.sh",
    `#!/bin/sh
# Makes the default server listen on IPv6 as well, where there is any.
ME=\${0##*/}
CONF=/etc/nginx/conf.d/default.conf

log() {
  if [ -z "\${NGINX_ENTRYPOINT_QUIET_LOGS:-}" ]; then
    echo "$ME: info: $1"
  fi
}

if [ ! -f /proc/net/if_inet6 ]; then
  log "ipv6 not available"
  exit 0
fi
if [ ! -f "$CONF" ]; then
  log "$CONF is not a file or does not exist"
  exit 0
fi
if grep -q "listen  *\\[::]\\:80;" "$CONF"; then
  log "IPv6 listen already enabled"
  exit 0
fi
sed -i -E 's,listen       80;,listen       80;\\n    listen  [::]:80;,' "$CONF"
log "Enabled listen on IPv6 in $CONF"
`,
  ],
  [
    "docker-entrypoint.d/20-envsubst-on-templates.sh",
    `#!/bin/sh
# Templates need envsubst, which is not in this image yet.
ME=\${0##*/}
if [ -d /etc/nginx/templates ]; then
  echo "$ME: envsubst is not in Drydock yet: /etc/nginx/templates is left alone" >&2
fi
exit 0
`,
  ],
  [
    "docker-entrypoint.d/30-tune-worker-processes.sh",
    `#!/bin/sh
# As many workers as the container may use CPUs, if asked to.
[ "\${NGINX_ENTRYPOINT_WORKER_PROCESSES_AUTOTUNE:-}" ] || exit 0
quota=$(cut -d' ' -f1 /sys/fs/cgroup/cpu.max 2>/dev/null)
period=$(cut -d' ' -f2 /sys/fs/cgroup/cpu.max 2>/dev/null)
n=$(nproc)
if [ -n "$quota" ] && [ "$quota" != max ]; then
  limit=$(((quota + period - 1) / period))
  [ "$limit" -lt "$n" ] && n=$limit
fi
sed -i -E "s/^worker_processes.*/worker_processes $n;/" /etc/nginx/nginx.conf
`,
  ],
];

export const httpdConf = `ServerRoot "/usr/local/apache2"
Listen 80
User www-data
Group www-data
ServerAdmin you@example.com
<Directory />
    AllowOverride none
    Require all denied
</Directory>
DocumentRoot "/usr/local/apache2/htdocs"
<Directory "/usr/local/apache2/htdocs">
    Options Indexes FollowSymLinks
    AllowOverride None
    Require all granted
</Directory>
DirectoryIndex index.html
ErrorLog /proc/self/fd/2
LogLevel warn
LogFormat "%h %l %u %t \\"%r\\" %>s %b" common
CustomLog /proc/self/fd/1 common
TypesConfig conf/mime.types
`;

export const httpdForeground = `#!/bin/sh
set -e

# A pid file that a killed server left behind would keep the next one from starting.
rm -f /usr/local/apache2/logs/httpd.pid

exec httpd -DFOREGROUND "$@"
`;

export const redisEntrypoint = `#!/bin/sh
set -e

# What is an option, or a configuration file, is for redis-server.
if [ "\${1#-}" != "$1" ] || [ "\${1%.conf}" != "$1" ]; then
  set -- redis-server "$@"
fi

# Started by root: what lies in /data is given to redis, which then runs the server.
if [ "$1" = 'redis-server' ] && [ "$(id -u)" = '0' ]; then
  find . \\! -user redis -exec chown redis '{}' +
  exec gosu redis "$0" "$@"
fi

um="$(umask)"
if [ "$um" = '0022' ]; then
  umask 0077
fi

exec "$@"
`;

export const registryConfig = `version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
`;

export const registryEntrypoint = `#!/bin/sh

set -e

case "$1" in
  *.yaml | *.yml) set -- registry serve "$@" ;;
  serve | garbage-collect | help | -*) set -- registry "$@" ;;
esac

exec "$@"
`;
