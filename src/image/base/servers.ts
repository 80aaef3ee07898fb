/** Images that serve: nginx, Apache's httpd, redis, and the registry. */

import { addAlpineUsers, alpineSteps, type AlpineVersion } from "./alpine.ts";
import { bookwormStep } from "./debian.ts";
import { type BaseImage, type BaseLayer, buildkit, DEFAULT_PATH, run, secondsOf, type Step } from "./image.ts";
import * as files from "./server-files.ts";
import { gnuElf, muslElf, programOf, type Software, staticElf } from "./software.ts";
import { Tree } from "./tree.ts";

type On = "debian" | "alpine";

/** A layer of the files that `make` adds, filled up to a size where one is given. */
function layer(
  key: string,
  created: string,
  make: (tree: Tree) => void,
  fill?: { readonly bytes: number; readonly stem: string; readonly ext: string },
): BaseLayer {
  return {
    key,
    tree: () => {
      const tree = new Tree(secondsOf(created), key);
      make(tree);
      if (fill !== undefined) tree.fillUp(fill.bytes, fill.stem, fill.ext);
      return tree;
    },
  };
}

/** /etc/passwd and /etc/group with a user more. */
function addUser(tree: Tree, software: Software, on: On, name: string, id: number, home: string): void {
  const [user, group] = [
    `${name}:x:${id}:${id}:${name} user:${home}:${on === "alpine" ? "/sbin/nologin" : "/bin/false"}`,
    `${name}:x:${id}:`,
  ];
  if (on === "alpine") addAlpineUsers(tree, [[user, group]]);
  else {
    tree.text("etc/passwd", `${software.debianFiles.get("/etc/passwd") ?? ""}${user}\n`);
    tree.text("etc/group", `${software.debianFiles.get("/etc/group") ?? ""}${group}\n`);
  }
}

const elfOn = (on: On, program: string): ReturnType<typeof gnuElf> => (on === "alpine" ? muslElf(program) : gnuElf(program));

// ── nginx ────────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Release {
  readonly version: string;
  readonly created: string;
  readonly on: On;
  readonly tags: readonly string[];
  /** Of the main layer. */
  readonly bytes: number;
  readonly alpine?: AlpineVersion;
}

const nginxes: readonly Release[] = [
  {
    version: "1.27.5",
    created: "2025-04-16T14:50:31Z",
    on: "debian",
    bytes: 117_000_000,
    tags: ["1", "1.27", "1.27.5", "latest", "mainline", "1.27.5-bookworm", "bookworm"],
  },
  {
    version: "1.27.5",
    created: "2025-04-16T14:50:31Z",
    on: "alpine",
    alpine: "3.21",
    bytes: 40_300_000,
    tags: ["1-alpine", "1.27-alpine", "1.27.5-alpine", "alpine", "mainline-alpine"],
  },
  {
    version: "1.28.0",
    created: "2025-04-23T14:50:31Z",
    on: "debian",
    bytes: 117_200_000,
    tags: ["1.28", "1.28.0", "stable", "stable-bookworm"],
  },
  {
    version: "1.28.0",
    created: "2025-04-23T14:50:31Z",
    on: "alpine",
    alpine: "3.21",
    bytes: 40_400_000,
    tags: ["1.28-alpine", "1.28.0-alpine", "stable-alpine"],
  },
];

function nginxImage(software: Software, { version, created, on, bytes, tags, alpine = "3.21" }: Release): BaseImage {
  const key = `nginx-${version}-${on}`;
  const main = layer(
    key,
    created,
    (t) => {
      addUser(t, software, on, "nginx", 101, "/nonexistent");
      t.elf("usr/sbin/nginx", elfOn(on, programOf(software, "nginx")), 1_584_024);
      t.elf("usr/sbin/nginx-debug", elfOn(on, programOf(software, "nginx")), 1_722_232);
      t.text("etc/nginx/nginx.conf", files.nginxConf);
      t.text("etc/nginx/conf.d/default.conf", files.nginxDefaultConf);
      t.text("etc/nginx/mime.types", files.mimeTypes);
      t.text("usr/share/nginx/html/index.html", files.nginxIndex);
      t.text("usr/share/nginx/html/50x.html", files.nginxError);
      t.link("etc/nginx/modules", "/usr/lib/nginx/modules");
      t.dir("var/cache/nginx");
      t.link("var/log/nginx/access.log", "/dev/stdout");
      t.link("var/log/nginx/error.log", "/dev/stderr");
      t.dirs("docker-entrypoint.d", "usr/lib/nginx/modules");
    },
    { bytes, stem: "usr/lib/nginx/modules/part", ext: ".so" },
  );
  const scripts = files.nginxScripts.map(
    ([path, content]) => [path, layer(`nginx-${path}`, created, (t) => t.text(path, content, 0o755))] as const,
  );
  const envs = [
    DEFAULT_PATH,
    `NGINX_VERSION=${version}`,
    "NJS_VERSION=0.8.10",
    "NJS_RELEASE=1~bookworm",
    "PKG_RELEASE=1~bookworm",
    "DYNPKG_RELEASE=1~bookworm",
  ];
  const env = on === "alpine" ? envs.map((e) => e.replace("~bookworm", "")) : envs;
  return {
    repository: "library/nginx",
    tags,
    created,
    steps: [
      ...(on === "alpine" ? alpineSteps(software, alpine) : [bookwormStep(software, true)]),
      buildkit("LABEL maintainer=NGINX Docker Maintainers <docker-maint@nginx.com>"),
      ...env.slice(1).map((e) => buildkit(`ENV ${e}`)),
      run(
        "set -x && groupadd --system --gid 101 nginx && useradd --system --gid nginx --no-create-home --uid 101 nginx && install nginx",
        main,
      ),
      ...scripts.map(([path, l]) =>
        buildkit(`COPY ${path.slice(path.lastIndexOf("/") + 1)} /${path.includes("/") ? "docker-entrypoint.d" : ""} # buildkit`, l),
      ),
      buildkit('ENTRYPOINT ["/docker-entrypoint.sh"]'),
      buildkit("EXPOSE map[80/tcp:{}]"),
      buildkit("STOPSIGNAL SIGQUIT"),
      buildkit('CMD ["nginx" "-g" "daemon off;"]'),
    ],
    config: {
      ExposedPorts: { "80/tcp": {} },
      Env: env,
      Entrypoint: ["/docker-entrypoint.sh"],
      Cmd: ["nginx", "-g", "daemon off;"],
      WorkingDir: "/",
      Labels: { maintainer: "NGINX Docker Maintainers <docker-maint@nginx.com>" },
      StopSignal: "SIGQUIT",
    },
  };
}

export const nginxImages = (software: Software): BaseImage[] => nginxes.map((release) => nginxImage(software, release));

// ── httpd ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const httpds: readonly Release[] = [
  {
    version: "2.4.63",
    created: "2025-01-23T21:27:51Z",
    on: "debian",
    bytes: 68_500_000,
    tags: ["2", "2.4", "2.4.63", "latest", "bookworm", "2.4-bookworm"],
  },
  {
    version: "2.4.63",
    created: "2025-01-23T21:27:51Z",
    on: "alpine",
    alpine: "3.21",
    bytes: 54_700_000,
    tags: ["2-alpine", "2.4-alpine", "2.4.63-alpine", "alpine"],
  },
];

function httpdImage(software: Software, { version, created, on, bytes, tags, alpine = "3.21" }: Release): BaseImage {
  const env = [
    `PATH=/usr/local/apache2/bin:${DEFAULT_PATH.slice("PATH=".length)}`,
    "HTTPD_PREFIX=/usr/local/apache2",
    `HTTPD_VERSION=${version}`,
  ];
  const prefix = layer(`httpd-prefix-${on}`, created, (t) => {
    t.dir("usr/local/apache2", 0o755, 33, 33);
    if (on === "alpine") addAlpineUsers(t, [["www-data:x:82:82:Linux User,,,:/home/www-data:/sbin/nologin", "www-data:x:82:www-data"]]);
  });
  const main = layer(
    `httpd-${version}-${on}`,
    created,
    (t) => {
      const program = programOf(software, "apache2");
      t.elf("usr/local/apache2/bin/httpd", elfOn(on, program), 1_020_000);
      t.elf("usr/local/apache2/bin/ab", elfOn(on, programOf(software, "ab")), 90_000);
      t.text("usr/local/apache2/bin/apachectl", '#!/bin/sh\nexec /usr/local/apache2/bin/httpd -k "$@"\n', 0o755);
      t.text("usr/local/apache2/conf/httpd.conf", files.httpdConf);
      t.text("usr/local/apache2/conf/mime.types", files.apacheMimeTypes);
      t.text("usr/local/apache2/htdocs/index.html", "<html><body><h1>It works!</h1></body></html>\n");
      t.dirs("usr/local/apache2/cgi-bin", "usr/local/apache2/logs", "usr/local/apache2/modules", "usr/local/apache2/icons");
    },
    { bytes, stem: "usr/local/apache2/modules/part", ext: ".so" },
  );
  const foreground = layer("httpd-foreground", created, (t) => t.text("usr/local/bin/httpd-foreground", files.httpdForeground, 0o755));
  return {
    repository: "library/httpd",
    tags,
    created,
    steps: [
      ...(on === "alpine" ? alpineSteps(software, alpine) : [bookwormStep(software, true)]),
      buildkit("ENV HTTPD_PREFIX=/usr/local/apache2"),
      buildkit(`ENV ${env[0]}`),
      run('mkdir -p "$HTTPD_PREFIX" && chown www-data:www-data "$HTTPD_PREFIX"', prefix),
      buildkit("WORKDIR /usr/local/apache2"),
      buildkit(`ENV HTTPD_VERSION=${version}`),
      run(
        'set -eux; wget -O httpd.tar.bz2 "https://downloads.apache.org/httpd/httpd-$HTTPD_VERSION.tar.bz2"; ./configure --enable-mods-shared=reallyall; make -j "$(nproc)"; make install',
        main,
      ),
      buildkit("STOPSIGNAL SIGWINCH"),
      buildkit("COPY httpd-foreground /usr/local/bin/ # buildkit", foreground),
      buildkit("EXPOSE map[80/tcp:{}]"),
      buildkit('CMD ["httpd-foreground"]'),
    ],
    config: {
      ExposedPorts: { "80/tcp": {} },
      Env: env,
      Cmd: ["httpd-foreground"],
      WorkingDir: "/usr/local/apache2",
      StopSignal: "SIGWINCH",
    },
  };
}

export const httpdImages = (software: Software): BaseImage[] => httpds.map((release) => httpdImage(software, release));

// ── redis ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const redises: readonly Release[] = [
  {
    version: "8.0.2",
    created: "2025-05-27T17:40:06Z",
    on: "debian",
    bytes: 48_300_000,
    tags: ["8", "8.0", "8.0.2", "latest", "bookworm", "8-bookworm"],
  },
  {
    version: "8.0.2",
    created: "2025-05-27T17:40:06Z",
    on: "alpine",
    alpine: "3.21",
    bytes: 48_100_000,
    tags: ["8-alpine", "8.0-alpine", "8.0.2-alpine", "alpine"],
  },
  { version: "7.4.4", created: "2025-05-27T17:40:06Z", on: "debian", bytes: 37_200_000, tags: ["7", "7.4", "7.4.4", "7-bookworm"] },
  {
    version: "7.4.4",
    created: "2025-05-27T17:40:06Z",
    on: "alpine",
    alpine: "3.21",
    bytes: 28_800_000,
    tags: ["7-alpine", "7.4-alpine", "7.4.4-alpine"],
  },
];

function redisImage(software: Software, { version, created, on, bytes, tags, alpine = "3.21" }: Release): BaseImage {
  const env = [DEFAULT_PATH, "GOSU_VERSION=1.17", `REDIS_DOWNLOAD_URL=http://download.redis.io/releases/redis-${version}.tar.gz`];
  const user = layer(`redis-user-${on}`, created, (t) => {
    addUser(t, software, on, "redis", 999, "/home/redis");
  });
  const deps = layer(`redis-gosu-${on}`, created, (t) => {
    t.elf("usr/local/bin/gosu", staticElf(programOf(software, "gosu")), 2_388_176);
    t.filler("usr/share/zoneinfo/tzdata.zi", 1_800_000);
  });
  const main = layer(
    `redis-${version}-${on}`,
    created,
    (t) => {
      t.elf("usr/local/bin/redis-server", elfOn(on, programOf(software, "redis-server")), 9_800_000);
      t.elf("usr/local/bin/redis-cli", elfOn(on, programOf(software, "redis-cli")), 1_900_000);
      t.elf("usr/local/bin/redis-benchmark", elfOn(on, programOf(software, "redis-benchmark")), 1_700_000);
      t.link("usr/local/bin/redis-check-aof", "redis-server");
      t.link("usr/local/bin/redis-check-rdb", "redis-server");
      t.link("usr/local/bin/redis-sentinel", "redis-server");
    },
    { bytes, stem: "usr/local/lib/redis/modules/part", ext: ".so" },
  );
  const data = layer("redis-data", created, (t) => t.dir("data", 0o755, 999, 999));
  const entrypoint = layer("redis-entrypoint", created, (t) => t.text("usr/local/bin/docker-entrypoint.sh", files.redisEntrypoint, 0o755));
  const steps: Step[] = [
    ...(on === "alpine" ? alpineSteps(software, alpine) : [bookwormStep(software, true)]),
    run("set -eux; groupadd -r -g 999 redis; useradd -r -g redis -u 999 redis", user),
    buildkit("ENV GOSU_VERSION=1.17"),
    run("set -eux; apt-get install -y --no-install-recommends tzdata; wget -O /usr/local/bin/gosu; chmod +x /usr/local/bin/gosu", deps),
    buildkit(`ENV ${env[2]}`),
    run(
      'set -eux; wget -O redis.tar.gz "$REDIS_DOWNLOAD_URL"; make -C /usr/src/redis -j "$(nproc)" all; make -C /usr/src/redis install; redis-server --version',
      main,
    ),
    run("mkdir /data && chown redis:redis /data", data),
    buildkit("VOLUME [/data]"),
    buildkit("WORKDIR /data"),
    buildkit("COPY docker-entrypoint.sh /usr/local/bin/ # buildkit", entrypoint),
    buildkit('ENTRYPOINT ["docker-entrypoint.sh"]'),
    buildkit("EXPOSE map[6379/tcp:{}]"),
    buildkit('CMD ["redis-server"]'),
  ];
  return {
    repository: "library/redis",
    tags,
    created,
    steps,
    config: {
      ExposedPorts: { "6379/tcp": {} },
      Env: env,
      Entrypoint: ["docker-entrypoint.sh"],
      Cmd: ["redis-server"],
      Volumes: { "/data": {} },
      WorkingDir: "/data",
    },
  };
}

export const redisImages = (software: Software): BaseImage[] => redises.map((release) => redisImage(software, release));

// ── registry ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const registries = [
  {
    version: "2.8.3",
    created: "2023-10-02T18:42:55Z",
    base: "3.18",
    binary: 17_600_000,
    config: "/etc/docker/registry/config.yml",
    tags: ["2", "2.8", "2.8.3"],
  },
  {
    version: "3.0.0",
    created: "2025-04-03T19:26:04Z",
    base: "3.21",
    binary: 49_200_000,
    config: "/etc/distribution/config.yml",
    tags: ["3", "3.0", "3.0.0", "latest"],
  },
] as const;

export const registryImages = (software: Software): BaseImage[] =>
  registries.map(({ version, created, base, binary, config, tags }) => ({
    repository: "library/registry",
    tags,
    created,
    steps: [
      ...alpineSteps(software, base),
      run(
        "set -eux; apk add --no-cache ca-certificates",
        layer(`registry-certificates-${version}`, created, (t) => t.filler("etc/ssl/certs/ca-certificates-full.crt", 400_000)),
      ),
      run(
        `set -eux; wget "https://github.com/distribution/distribution/releases/download/v${version}/registry_${version}_linux_amd64.tar.gz"; registry --version`,
        layer(`registry-${version}`, created, (t) => t.elf("bin/registry", staticElf(programOf(software, "registry")), binary)),
      ),
      buildkit(
        `COPY ./config-example.yml ${config} # buildkit`,
        layer(`registry-config-${version}`, created, (t) => t.text(config.slice(1), files.registryConfig)),
      ),
      buildkit("VOLUME [/var/lib/registry]"),
      buildkit("EXPOSE map[5000/tcp:{}]"),
      buildkit(
        "COPY docker-entrypoint.sh /entrypoint.sh # buildkit",
        layer(`registry-entrypoint-${version}`, created, (t) => t.text("entrypoint.sh", files.registryEntrypoint, 0o755)),
      ),
      buildkit('ENTRYPOINT ["/entrypoint.sh"]'),
      buildkit(`CMD ["${config}"]`),
    ],
    config: {
      ExposedPorts: { "5000/tcp": {} },
      Env: [DEFAULT_PATH],
      Entrypoint: ["/entrypoint.sh"],
      Cmd: [config],
      Volumes: { "/var/lib/registry": {} },
      WorkingDir: "/",
    },
  }));
