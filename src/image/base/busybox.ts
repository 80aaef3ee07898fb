/** busybox alone, linked with glibc or with musl: one file under the names of all its applets. */

import { type BaseImage, buildkit, DEFAULT_PATH, secondsOf } from "./image.ts";
import { addMusl, GNU_INTERP, muslElf, type Software } from "./software.ts";
import { Tree } from "./tree.ts";

const CREATED = "2024-09-26T21:31:42Z";

interface Variant {
  readonly libc: "glibc" | "musl";
  readonly version: string;
  readonly sizeBytes: number;
  readonly tags: readonly string[];
}

const variants: readonly Variant[] = [
  { libc: "glibc", version: "1.37.0", sizeBytes: 4_277_288, tags: ["1", "1.37", "1.37.0", "glibc", "latest", "stable", "unstable"] },
  { libc: "glibc", version: "1.36.1", sizeBytes: 4_261_520, tags: ["1.36", "1.36.1"] },
  { libc: "musl", version: "1.37.0", sizeBytes: 1_508_352, tags: ["1.37-musl", "1.37.0-musl", "musl", "stable-musl"] },
];

const LIBRARIES: readonly (readonly [name: string, sizeBytes: number])[] = [
  ["libc.so.6", 1_926_232],
  ["libm.so.6", 907_784],
  ["libresolv.so.2", 60_328],
  ["libpthread.so.0", 14_480],
];

function tree(software: Software, { libc, version, sizeBytes }: Variant): Tree {
  const t = new Tree(secondsOf(CREATED), `busybox-${version}-${libc}`);
  t.dirs(
    "dev",
    "etc/network/if-down.d",
    "etc/network/if-post-down.d",
    "etc/network/if-pre-up.d",
    "etc/network/if-up.d",
    "usr/bin",
    "usr/sbin",
    "var/spool",
    "tmp",
    "root",
  );
  t.dir("home", 0o755, 65_534, 65_534);
  t.dir("var/www", 0o755, 33, 33);
  t.text(
    "etc/passwd",
    "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nbin:x:2:2:bin:/bin:/bin/false\nsys:x:3:3:sys:/dev:/bin/false\nsync:x:4:100:sync:/bin:/bin/sync\nmail:x:8:8:mail:/var/spool/mail:/bin/false\nwww-data:x:33:33:www-data:/var/www:/bin/false\noperator:x:37:37:Operator:/var:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n",
  );
  t.text(
    "etc/group",
    "root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\nadm:x:4:\ntty:x:5:\ndisk:x:6:\nlp:x:7:\nmail:x:8:\nkmem:x:9:\nwheel:x:10:root\ncdrom:x:11:\ndialout:x:18:\nfloppy:x:19:\nvideo:x:28:\naudio:x:29:\ntape:x:32:\nwww-data:x:33:\noperator:x:37:\nutmp:x:43:\nplugdev:x:46:\nstaff:x:50:\nlock:x:54:\nnetdev:x:82:\nusers:x:100:\nnobody:x:65534:\n",
  );
  t.text("etc/shadow", "root:*:10933:0:99999:7:::\n", 0o600);
  t.text("etc/localtime", "");
  t.text("etc/nsswitch.conf", "passwd:\tfiles\ngroup:\tfiles\nhosts:\tfiles dns\n");
  const names = software.tools.flatMap(({ applet }) => (applet === undefined ? [] : [applet.slice(applet.lastIndexOf("/") + 1)])).sort();
  const [first = "[", ...others] = [...new Set([...names, "busybox"])];
  if (libc === "glibc") {
    t.link("lib64", "lib");
    for (const [name, size] of LIBRARIES) t.elf(`lib/${name}`, { type: "ET_DYN", needed: [], soname: name, voice: "gnu" }, size);
    t.elf(
      "lib/ld-linux-x86-64.so.2",
      { type: "ET_DYN", needed: [], soname: "ld-linux-x86-64.so.2", program: "ld-linux-x86-64.so.2", voice: "gnu" },
      210_968,
    );
  } else addMusl(t);
  t.link("usr/bin/env", "../../bin/env");
  const elf =
    libc === "glibc"
      ? ({
          type: "ET_DYN",
          program: "busybox",
          voice: "busybox",
          needed: ["libm.so.6", "libresolv.so.2", "libc.so.6"],
          interp: GNU_INTERP,
        } as const)
      : muslElf("busybox");
  t.elf(`bin/${first}`, elf, sizeBytes - t.sizeBytes);
  for (const name of others) t.hardlink(`bin/${name}`, `bin/${first}`);
  return t;
}

export const busyboxImages = (software: Software): BaseImage[] =>
  variants.map((variant) => ({
    repository: "library/busybox",
    tags: variant.tags,
    created: CREATED,
    steps: [
      {
        createdBy: `BusyBox ${variant.version} (${variant.libc})${variant.libc === "glibc" ? ", Debian 12" : ""}`,
        layer: { key: `busybox-${variant.version}-${variant.libc}`, tree: () => tree(software, variant) },
      },
    ],
    config: { Env: [DEFAULT_PATH], Cmd: ["sh"] },
  }));

/** hello-world: one program without anything around it. */
export const helloImages = (): BaseImage[] => {
  const created = "2025-01-23T01:37:17Z";
  const layer = {
    key: "hello-world",
    tree: () => {
      const t = new Tree(secondsOf(created), "hello-world");
      t.elf("hello", { type: "ET_EXEC", program: "hello", voice: "gnu", needed: [] }, 10_072);
      return t;
    },
  };
  return [
    {
      repository: "library/hello-world",
      tags: ["latest", "linux"],
      created,
      steps: [buildkit("COPY hello / # buildkit", layer), buildkit('CMD ["/hello"]')],
      config: { Env: [DEFAULT_PATH], Cmd: ["/hello"], WorkingDir: "/" },
    },
  ];
};
