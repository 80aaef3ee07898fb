/**
 * python and node, on Debian's build image, on its slim image and on Alpine.
 * The interpreters are files of their size; run, they say that the machine does not have them yet.
 */

import { addAlpineUsers, alpineSteps, type AlpineVersion } from "./alpine.ts";
import { bookwormStep } from "./debian.ts";
import { type BaseImage, type BaseLayer, buildkit, DEFAULT_PATH, run, secondsOf, type Step } from "./image.ts";
import { programsOf } from "./packages.ts";
import { addGnuTools, gnuElf, muslElf, programOf, type Software } from "./software.ts";
import { Tree } from "./tree.ts";

const BUILDPACK_CREATED = "2025-05-21T00:00:00Z";

/** A layer of files that are there for their size, with what `more` adds in front. */
function filled(
  key: string,
  created: string,
  sizeBytes: number,
  stem: string,
  ext: string,
  more: (tree: Tree) => void = () => {},
): BaseLayer {
  return {
    key,
    tree: () => {
      const tree = new Tree(secondsOf(created), key);
      more(tree);
      tree.fillUp(sizeBytes, stem, ext);
      return tree;
    },
  };
}

/** buildpack-deps: what most packages with code in C need to be built. */
function buildpackSteps(software: Software): Step[] {
  const apt = (packages: string): string =>
    `apt-get update && apt-get install -y --no-install-recommends ${packages} && rm -rf /var/lib/apt/lists/*`;
  return [
    bookwormStep(software, false),
    run(
      apt("ca-certificates curl gnupg netbase sq wget"),
      filled("buildpack-bookworm-curl", BUILDPACK_CREATED, 48_472_064, "usr/share/ca-certificates/mozilla/bundle", ".crt", (t) => {
        addGnuTools(t, software, programsOf(["curl", "wget"]));
        t.filler("etc/ssl/certs/ca-certificates.crt", 224_624);
        t.elf("usr/bin/gpg", gnuElf(programOf(software, "gpg")), 1_066_000);
        t.elf("usr/bin/openssl", gnuElf(programOf(software, "openssl")), 998_000);
      }),
    ),
    run(
      apt("git mercurial openssh-client subversion procps"),
      filled("buildpack-bookworm-scm", BUILDPACK_CREATED, 177_123_328, "usr/share/perl/5.36/scm", ".pm", (t) => {
        addGnuTools(t, software, programsOf(["procps"]));
        for (const name of ["git", "hg", "ssh", "svn"])
          t.elf(`usr/bin/${name}`, gnuElf(programOf(software, name)), name === "git" ? 3_720_000 : 800_000);
      }),
    ),
    run(
      apt(
        "autoconf automake bzip2 default-libmysqlclient-dev dpkg-dev file g++ gcc imagemagick libbz2-dev libc6-dev make patch unzip xz-utils zlib1g-dev",
      ),
      filled("buildpack-bookworm", BUILDPACK_CREATED, 587_202_560, "usr/lib/x86_64-linux-gnu/dev/part", ".a", (t) => {
        addGnuTools(t, software, programsOf(["file", "patch"]));
        for (const name of ["gcc", "g++", "make", "xz", "unzip", "bzip2"])
          t.elf(`usr/bin/${name}`, gnuElf(programOf(software, name)), 1_100_000);
      }),
    ),
  ];
}

// ── Python ───────────────────────────────────────────────────────────────────────────────────────────────────────────

interface PythonRelease {
  readonly version: string;
  readonly created: string;
  readonly gpgKey: string;
  readonly latest: boolean;
}

const pythons: readonly PythonRelease[] = [
  { version: "3.13.4", created: "2025-06-04T00:26:38Z", gpgKey: "7169605F62C751356D054A26A821E680E5FA6305", latest: true },
  { version: "3.12.11", created: "2025-06-04T00:27:02Z", gpgKey: "7169605F62C751356D054A26A821E680E5FA6305", latest: false },
];

/** /usr/local with the interpreter and its library. */
function pythonLayer(
  software: Software,
  { version, created }: PythonRelease,
  on: "full" | "slim" | "alpine",
  sizeBytes: number,
): BaseLayer {
  const minor = version.split(".").slice(0, 2).join(".");
  const key = `python-${version}-${on}`;
  const program = programOf(software, "python3");
  return filled(key, created, sizeBytes, `usr/local/lib/python${minor}/lib-dynload/part`, ".so", (t) => {
    const bin = `usr/local/bin/python${minor}`;
    t.elf(bin, on === "alpine" ? muslElf(program) : gnuElf(program), 14_400);
    t.filler(`usr/local/lib/libpython${minor}.so.1.0`, 8_900_000, 0o755);
    t.link(`usr/local/lib/libpython${minor}.so`, `libpython${minor}.so.1.0`);
    t.link("usr/local/bin/python3", `python${minor}`);
    t.text(
      `usr/local/bin/pip${minor}`,
      `#!/usr/local/bin/python${minor}\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n`,
      0o755,
    );
    t.link("usr/local/bin/pip3", `pip${minor}`);
    for (const module of [
      "argparse",
      "asyncio/base_events",
      "collections/__init__",
      "datetime",
      "json/__init__",
      "os",
      "pathlib/__init__",
      "re/__init__",
      "socket",
      "subprocess",
      "typing",
    ])
      t.filler(`usr/local/lib/python${minor}/${module}.py`, 40_000);
    t.dirs(`usr/local/lib/python${minor}/site-packages/pip`);
  });
}

/** The names without a version. */
function pythonLinks({ version, created }: PythonRelease): BaseLayer {
  const key = `python-${version}-links`;
  return {
    key,
    tree: () => {
      const t = new Tree(secondsOf(created), key);
      t.link("usr/local/bin/python", "python3");
      t.link("usr/local/bin/pip", "pip3");
      t.link("usr/local/bin/idle", "idle3");
      t.link("usr/local/bin/pydoc", "pydoc3");
      return t;
    },
  };
}

const PYTHON_BUILD = `set -eux; wget -O python.tar.xz "https://www.python.org/ftp/python/\${PYTHON_VERSION%%[a-z]*}/Python-$PYTHON_VERSION.tar.xz"; ./configure --enable-shared; make -j "$(nproc)"; make install`;
const PYTHON_LINKS =
  'set -eux; for src in idle3 pip3 pydoc3 python3 python3-config; do dst="$(echo "$src" | tr -d 3)"; ln -svT "$src" "/usr/local/bin/$dst"; done';

function pythonImage(software: Software, release: PythonRelease, on: "full" | "slim" | "alpine"): BaseImage {
  const { version, created, gpgKey, latest } = release;
  const minor = version.split(".").slice(0, 2).join(".");
  const env = [`PATH=/usr/local/bin:${DEFAULT_PATH.slice("PATH=".length)}`, `GPG_KEY=${gpgKey}`, `PYTHON_VERSION=${version}`];
  const names = [version, minor, ...(latest ? ["3"] : [])];
  const suffixes = on === "full" ? ["", "-bookworm"] : on === "slim" ? ["-slim", "-slim-bookworm"] : ["-alpine", "-alpine3.22"];
  const own = on === "full" ? [] : on === "slim" ? ["slim", "slim-bookworm"] : ["alpine", "alpine3.22"];
  const extra: Record<typeof on, Step[]> = {
    full: [
      run(
        "set -eux; apt-get update; apt-get install -y --no-install-recommends libbluetooth-dev tk-dev uuid-dev; rm -rf /var/lib/apt/lists/*",
        filled("python-bookworm-deps", BUILDPACK_CREATED, 18_448_384, "usr/lib/x86_64-linux-gnu/tk/part", ".so"),
      ),
    ],
    slim: [
      run(
        "set -eux; apt-get update; apt-get install -y --no-install-recommends ca-certificates netbase tzdata; rm -rf /var/lib/apt/lists/*",
        filled("python-slim-deps", BUILDPACK_CREATED, 9_246_720, "usr/share/zoneinfo/part", ""),
      ),
    ],
    alpine: [
      run(
        "set -eux; apk add --no-cache ca-certificates tzdata",
        filled("python-alpine-deps", created, 2_118_000, "usr/share/zoneinfo/part", ""),
      ),
    ],
  };
  const bases: Record<typeof on, () => Step[]> = {
    full: () => buildpackSteps(software),
    slim: () => [bookwormStep(software, true)],
    alpine: () => alpineSteps(software, "3.22"),
  };
  const sizes = {
    full: minor === "3.13" ? 63_500_000 : 58_400_000,
    slim: minor === "3.13" ? 37_900_000 : 41_000_000,
    alpine: minor === "3.13" ? 34_900_000 : 38_300_000,
  };
  return {
    repository: "library/python",
    tags: [
      ...names.flatMap((name) => suffixes.map((suffix) => name + suffix)),
      ...(latest ? (on === "full" ? ["latest", "bookworm"] : own) : []),
    ],
    created,
    steps: [
      ...bases[on](),
      buildkit(`ENV ${env[0]}`),
      ...extra[on],
      buildkit(`ENV ${env[1]}`),
      buildkit(`ENV ${env[2]}`),
      run(PYTHON_BUILD, pythonLayer(software, release, on, sizes[on])),
      run(PYTHON_LINKS, pythonLinks(release)),
      buildkit('CMD ["python3"]'),
    ],
    config: { Env: env, Cmd: ["python3"], WorkingDir: "/" },
  };
}

export const pythonImages = (software: Software): BaseImage[] =>
  pythons.flatMap((release) => (["full", "slim", "alpine"] as const).map((on) => pythonImage(software, release, on)));

// ── Node ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const ENTRYPOINT = `#!/bin/sh
set -e

# What is an option, or no command, is for node.
if [ "\${1#-}" != "\${1}" ] || [ -z "$(command -v "\${1}")" ] || { [ -f "\${1}" ] && ! [ -x "\${1}" ]; }; then
  set -- node "$@"
fi

exec "$@"
`;

interface NodeRelease {
  readonly version: string;
  readonly created: string;
  readonly names: readonly string[];
  readonly sizes: Readonly<Record<"full" | "slim" | "alpine", number>>;
}

const nodes: readonly NodeRelease[] = [
  {
    version: "24.1.0",
    created: "2025-05-21T20:28:40Z",
    names: ["24", "24.1", "24.1.0", "current"],
    sizes: { full: 194_000_000, slim: 153_000_000, alpine: 152_000_000 },
  },
  {
    version: "22.16.0",
    created: "2025-05-21T20:29:32Z",
    names: ["22", "22.16", "22.16.0", "jod", "lts"],
    sizes: { full: 186_500_000, slim: 145_600_000, alpine: 144_700_000 },
  },
];

const ALPINE: AlpineVersion = "3.21";

function nodeImage(software: Software, { version, created, names, sizes }: NodeRelease, on: "full" | "slim" | "alpine"): BaseImage {
  const newest = names.includes("24");
  const env = [DEFAULT_PATH, `NODE_VERSION=${version}`, "YARN_VERSION=1.22.22"];
  const suffixes = on === "full" ? ["", "-bookworm"] : on === "slim" ? ["-slim", "-bookworm-slim"] : ["-alpine", "-alpine3.21"];
  const own = on === "full" ? ["latest", "bookworm"] : on === "slim" ? ["slim", "bookworm-slim"] : ["alpine", "alpine3.21"];
  const user: BaseLayer = {
    key: `node-user-${on}`,
    tree: () => {
      const t = new Tree(secondsOf(BUILDPACK_CREATED), `node-user-${on}`);
      t.dir("home/node", 0o755, 1000, 1000);
      const row = on === "alpine" ? "node:x:1000:1000::/home/node:/bin/sh" : "node:x:1000:1000::/home/node:/bin/bash";
      if (on === "alpine") addAlpineUsers(t, [[row, "node:x:1000:node"]]);
      else {
        t.text("etc/passwd", `${software.debianFiles.get("/etc/passwd") ?? ""}${row}\n`);
        t.text("etc/group", `${software.debianFiles.get("/etc/group") ?? ""}node:x:1000:\n`);
      }
      return t;
    },
  };
  const program = programOf(software, "node");
  const node = filled(`node-${version}-${on}`, created, sizes[on], "usr/local/lib/node_modules/npm/node_modules/part", ".js", (t) => {
    t.elf("usr/local/bin/node", on === "alpine" ? muslElf(program) : gnuElf(program), 118_000_000);
    t.link("usr/local/bin/nodejs", "/usr/local/bin/node");
    t.text("usr/local/lib/node_modules/npm/bin/npm-cli.js", "#!/usr/bin/env node\nrequire('../lib/cli.js')(process)\n", 0o755);
    t.link("usr/local/bin/npm", "../lib/node_modules/npm/bin/npm-cli.js");
    t.link("usr/local/bin/npx", "../lib/node_modules/npm/bin/npx-cli.js");
    t.filler("usr/local/include/node/node.h", 60_000);
  });
  const yarn = filled("node-yarn-1.22.22", created, 5_342_208, "opt/yarn-v1.22.22/lib/part", ".js", (t) => {
    t.text("opt/yarn-v1.22.22/bin/yarn.js", "#!/usr/bin/env node\nrequire('../lib/cli.js')\n", 0o755);
    t.link("usr/local/bin/yarn", "/opt/yarn-v1.22.22/bin/yarn.js");
    t.link("usr/local/bin/yarnpkg", "/opt/yarn-v1.22.22/bin/yarn.js");
  });
  const entrypoint: BaseLayer = {
    key: "node-entrypoint",
    tree: () => {
      const t = new Tree(secondsOf(BUILDPACK_CREATED), "node-entrypoint");
      t.text("usr/local/bin/docker-entrypoint.sh", ENTRYPOINT, 0o755);
      return t;
    },
  };
  const base = on === "full" ? buildpackSteps(software) : on === "slim" ? [bookwormStep(software, true)] : alpineSteps(software, ALPINE);
  return {
    repository: "library/node",
    tags: [...names.flatMap((name) => suffixes.map((suffix) => name + suffix)), ...(newest ? own : [])],
    created,
    steps: [
      ...base,
      run(
        on === "alpine"
          ? "addgroup -g 1000 node && adduser -u 1000 -G node -s /bin/sh -D node"
          : "groupadd --gid 1000 node && useradd --uid 1000 --gid node --shell /bin/bash --create-home node",
        user,
      ),
      buildkit(`ENV NODE_VERSION=${version}`),
      run(
        'ARCH=x64 && curl -fsSLO --compressed "https://nodejs.org/dist/v$NODE_VERSION/node-v$NODE_VERSION-linux-$ARCH.tar.xz" && node --version && npm --version',
        node,
      ),
      buildkit("ENV YARN_VERSION=1.22.22"),
      run('curl -fsSLO --compressed "https://yarnpkg.com/downloads/$YARN_VERSION/yarn-v$YARN_VERSION.tar.gz" && yarn --version', yarn),
      buildkit("COPY docker-entrypoint.sh /usr/local/bin/ # buildkit", entrypoint),
      buildkit('ENTRYPOINT ["docker-entrypoint.sh"]'),
      buildkit('CMD ["node"]'),
    ],
    config: { Env: env, Entrypoint: ["docker-entrypoint.sh"], Cmd: ["node"], WorkingDir: "/" },
  };
}

export const nodeImages = (software: Software): BaseImage[] =>
  nodes.flatMap((release) => (["full", "slim", "alpine"] as const).map((on) => nodeImage(software, release, on)));
