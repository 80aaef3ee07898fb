/** Alpine Linux: musl, busybox and apk. Other images stand on its releases. */

import { type BaseImage, type BaseLayer, buildkit, DEFAULT_PATH, secondsOf, type Step } from "./image.ts";
import { addMusl, muslElf, programOf, type Software } from "./software.ts";
import { Tree } from "./tree.ts";

interface Release {
  readonly version: string;
  readonly created: string;
  readonly sizeBytes: number;
  readonly tags: readonly string[];
  /** Versions of the packages of the base system. */
  readonly packages: string;
}

const releases = {
  "3.18": {
    version: "3.18.12",
    created: "2025-02-14T03:28:36Z",
    sizeBytes: 7_357_440,
    tags: ["3.18", "3.18.12"],
    packages:
      "alpine-baselayout 3.4.3-r1|alpine-baselayout-data 3.4.3-r1|alpine-keys 2.4-r1|apk-tools 2.14.4-r0|busybox 1.36.1-r7|busybox-binsh 1.36.1-r7|" +
      "ca-certificates-bundle 20241121-r1|libc-utils 0.7.2-r5|libcrypto3 3.1.8-r0|libssl3 3.1.8-r0|musl 1.2.4-r3|musl-utils 1.2.4-r3|scanelf 1.3.7-r1|ssl_client 1.36.1-r7|zlib 1.2.13-r1",
  },
  "3.20": {
    version: "3.20.6",
    created: "2025-02-14T03:28:36Z",
    sizeBytes: 7_797_760,
    tags: ["3.20", "3.20.6"],
    packages:
      "alpine-baselayout 3.6.5-r0|alpine-baselayout-data 3.6.5-r0|alpine-keys 2.4-r1|apk-tools 2.14.4-r1|busybox 1.36.1-r30|busybox-binsh 1.36.1-r30|" +
      "ca-certificates-bundle 20240705-r0|libcrypto3 3.3.3-r0|libssl3 3.3.3-r0|musl 1.2.5-r1|musl-utils 1.2.5-r1|scanelf 1.3.7-r2|ssl_client 1.36.1-r30|zlib 1.3.1-r1",
  },
  "3.21": {
    version: "3.21.3",
    created: "2025-02-14T03:28:36Z",
    sizeBytes: 7_830_528,
    tags: ["3.21", "3.21.3"],
    packages:
      "alpine-baselayout 3.6.8-r1|alpine-baselayout-data 3.6.8-r1|alpine-keys 2.5-r0|alpine-release 3.21.3-r0|apk-tools 2.14.6-r3|busybox 1.37.0-r12|busybox-binsh 1.37.0-r12|" +
      "ca-certificates-bundle 20241121-r1|libcrypto3 3.3.3-r0|libssl3 3.3.3-r0|musl 1.2.5-r9|musl-utils 1.2.5-r9|scanelf 1.3.8-r1|ssl_client 1.37.0-r12|zlib 1.3.1-r2",
  },
  "3.22": {
    version: "3.22.0",
    created: "2025-05-30T16:21:10Z",
    sizeBytes: 8_305_664,
    tags: ["3", "3.22", "3.22.0", "latest"],
    packages:
      "alpine-baselayout 3.7.0-r0|alpine-baselayout-data 3.7.0-r0|alpine-keys 2.5-r0|alpine-release 3.22.0-r0|apk-tools 2.14.9-r2|busybox 1.37.0-r18|busybox-binsh 1.37.0-r18|" +
      "ca-certificates-bundle 20241121-r2|libapk2 2.14.9-r2|libcrypto3 3.5.0-r0|libssl3 3.5.0-r0|musl 1.2.5-r10|musl-utils 1.2.5-r10|scanelf 1.3.8-r1|ssl_client 1.37.0-r18|zlib 1.3.1-r2",
  },
} as const satisfies Readonly<Record<string, Release>>;

export type AlpineVersion = keyof typeof releases;

const DIRS =
  "dev etc/apk/keys etc/apk/protected_paths.d etc/busybox-paths.d etc/conf.d etc/crontabs etc/init.d etc/modprobe.d etc/modules-load.d etc/network/if-up.d etc/opt " +
  "etc/periodic/15min etc/periodic/daily etc/periodic/hourly etc/periodic/monthly etc/periodic/weekly etc/profile.d etc/ssl/certs etc/ssl/private etc/ssl1.1 etc/sysctl.d home " +
  "lib/apk/db lib/firmware lib/modules-load.d lib/sysctl.d media/cdrom media/floppy media/usb mnt opt proc run/lock srv sys usr/bin usr/lib usr/local/bin usr/local/lib " +
  "usr/local/share usr/sbin usr/share/apk/keys usr/share/man usr/share/misc usr/share/udhcpc var/cache/apk var/cache/misc var/lib/apk var/lib/misc var/lib/udhcpd var/local var/log " +
  "var/opt var/spool/cron tmp var/tmp root";

const users =
  "root:x:0:0:root:/root:/bin/sh|bin:x:1:1:bin:/bin:/sbin/nologin|daemon:x:2:2:daemon:/sbin:/sbin/nologin|lp:x:4:7:lp:/var/spool/lpd:/sbin/nologin|" +
  "sync:x:5:0:sync:/sbin:/bin/sync|shutdown:x:6:0:shutdown:/sbin:/sbin/shutdown|halt:x:7:0:halt:/sbin:/sbin/halt|mail:x:8:12:mail:/var/mail:/sbin/nologin|" +
  "news:x:9:13:news:/usr/lib/news:/sbin/nologin|uucp:x:10:14:uucp:/var/spool/uucppublic:/sbin/nologin|cron:x:16:16:cron:/var/spool/cron:/sbin/nologin|" +
  "ftp:x:21:21::/var/lib/ftp:/sbin/nologin|sshd:x:22:22:sshd:/dev/null:/sbin/nologin|games:x:35:35:games:/usr/games:/sbin/nologin|" +
  "ntp:x:123:123:NTP:/var/empty:/sbin/nologin|guest:x:405:100:guest:/dev/null:/sbin/nologin|nobody:x:65534:65534:nobody:/:/sbin/nologin";
const groups =
  "root:x:0:root|bin:x:1:root,bin,daemon|daemon:x:2:root,bin,daemon|sys:x:3:root,bin|adm:x:4:root,daemon|tty:x:5:|disk:x:6:root|lp:x:7:lp|kmem:x:9:|" +
  "wheel:x:10:root|floppy:x:11:root|mail:x:12:mail|news:x:13:news|uucp:x:14:uucp|cron:x:16:cron|audio:x:18:|cdrom:x:19:|dialout:x:20:root|ftp:x:21:|" +
  "sshd:x:22:|input:x:23:|tape:x:26:root|video:x:27:root|netdev:x:28:|kvm:x:34:kvm|games:x:35:|shadow:x:42:|www-data:x:82:|users:x:100:games|ntp:x:123:|" +
  "abuild:x:300:|utmp:x:406:|ping:x:999:|nogroup:x:65533:|nobody:x:65534:";

const asLines = (rows: string): string => `${rows.replaceAll("|", "\n")}\n`;

/** /etc/passwd and /etc/group with users of an image's own: `name:uid`. */
export function addAlpineUsers(tree: Tree, more: readonly (readonly [user: string, group: string])[]): void {
  tree.text("etc/passwd", asLines([users, ...more.map(([user]) => user)].join("|")));
  tree.text("etc/group", asLines([groups, ...more.map(([, group]) => group)].join("|")));
}

function alpineTree(software: Software, { version, created, sizeBytes, packages }: Release): Tree {
  const tree = new Tree(secondsOf(created), `alpine-${version}`);
  const minor = version.split(".").slice(0, 2).join(".");
  tree.dirs(...DIRS.split(" "));
  tree.dir("var/empty", 0o555);
  tree.link("var/run", "../run");
  tree.link("var/lock", "../run/lock");
  tree.link("var/spool/mail", "../mail");
  tree.link("var/spool/cron/crontabs", "../../../etc/crontabs");
  tree.link("etc/os-release", "../usr/lib/os-release");
  tree.link("etc/mtab", "../proc/mounts");
  addAlpineUsers(tree, []);
  const names = users.split("|").map((row) => row.split(":")[0]);
  tree.text("etc/shadow", names.map((name) => `${name}:${name === "root" ? "*" : "!"}::0:::::\n`).join(""), 0o640, 0, 42);
  tree.text("etc/alpine-release", `${version}\n`);
  tree.text(
    "usr/lib/os-release",
    `NAME="Alpine Linux"\nID=alpine\nVERSION_ID=${version}\nPRETTY_NAME="Alpine Linux v${minor}"\nHOME_URL="https://alpinelinux.org/"\nBUG_REPORT_URL="https://gitlab.alpinelinux.org/alpine/aports/-/issues"\n`,
  );
  tree.text("etc/hostname", "localhost\n");
  tree.text("etc/hosts", "127.0.0.1\tlocalhost localhost.localdomain\n::1\t\tlocalhost localhost.localdomain\n");
  tree.text("etc/issue", `Welcome to Alpine Linux ${minor}\nKernel \\r on an \\m (\\l)\n\n`);
  tree.text(
    "etc/motd",
    "Welcome to Alpine!\n\nThe wiki has how-to guides and general information about administrating Alpine systems.\nSee <https://wiki.alpinelinux.org/>.\n",
  );
  tree.text("etc/shells", "# valid login shells\n/bin/sh\n/bin/ash\n");
  tree.text("etc/fstab", "/dev/cdrom\t/media/cdrom\tiso9660\tnoauto,ro 0 0\n/dev/usbdisk\t/media/usb\tvfat\tnoauto\t0 0\n");
  tree.text("etc/nsswitch.conf", "hosts: files dns\n");
  tree.text("etc/profile", PROFILE);
  tree.text(
    "etc/secfixes.d/alpine",
    `https://secdb.alpinelinux.org/v${minor}/main.json\nhttps://secdb.alpinelinux.org/v${minor}/community.json\n`,
  );
  tree.text("etc/apk/arch", "x86_64\n");
  tree.text(
    "etc/apk/repositories",
    `https://dl-cdn.alpinelinux.org/alpine/v${minor}/main\nhttps://dl-cdn.alpinelinux.org/alpine/v${minor}/community\n`,
  );
  const world = version.startsWith("3.2")
    ? "alpine-baselayout\nalpine-keys\nalpine-release\napk-tools\nbusybox\nmusl-utils\n"
    : "alpine-baselayout\nalpine-keys\napk-tools\nbusybox\nlibc-utils\n";
  tree.text("etc/apk/world", world);
  tree.text("lib/apk/db/installed", packages.split("|").map(installedOf).join("\n"));
  tree.text("lib/apk/db/triggers", "");
  tree.text("lib/apk/db/lock", "", 0o600);
  addMusl(tree);
  tree.elf("bin/busybox", muslElf("busybox"), 808_712);
  for (const { applet } of software.tools) if (applet !== undefined) tree.link(applet.slice(1), "/bin/busybox");
  tree.elf("sbin/apk", muslElf(programOf(software, "apk")), 70_208);
  tree.elf("usr/bin/getent", muslElf(programOf(software, "getent")), 48_776);
  tree.elf("usr/bin/ssl_client", muslElf(programOf(software, "ssl_client")), 14_304);
  tree.elf("usr/bin/scanelf", muslElf(programOf(software, "scanelf")), 79_784);
  tree.filler("etc/ssl/certs/ca-certificates.crt", 219_342);
  tree.link("etc/ssl/cert.pem", "certs/ca-certificates.crt");
  tree.filler("usr/lib/libssl.so.3", 845_240, 0o755);
  tree.filler("usr/lib/libz.so.1.3.1", 100_000, 0o755);
  tree.link("usr/lib/libz.so.1", "libz.so.1.3.1");
  tree.filler("usr/lib/libapk.so.2.14.0", 211_000, 0o755);
  tree.filler("usr/lib/ossl-modules/legacy.so", 112_000, 0o755);
  for (const key of ["4a6a0840", "5261cecb", "6165ee59"])
    tree.filler(`etc/apk/keys/alpine-devel@lists.alpinelinux.org-${key}.rsa.pub`, 451);
  tree.filler("usr/lib/libcrypto.so.3", sizeBytes - tree.sizeBytes, 0o755);
  return tree;
}

/** A package of apk's database. */
function installedOf(row: string): string {
  const [name = "", version = ""] = row.split(" ");
  return `P:${name}\nV:${version}\nA:x86_64\nT:${name}\nL:${name === "musl" ? "MIT" : "GPL-2.0-only"}\no:${name}\n`;
}

const PROFILE = `# /etc/profile: for login shells.

export PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
export PAGER=less
umask 022

# The prompt shows who, where and whether it is root.
if [ -z "$PS1" ]; then
  PS1='\\h:\\w\\$ '
fi

for script in /etc/profile.d/*.sh; do
  if [ -r "$script" ]; then
    . "$script"
  fi
done
unset script
`;

export function alpineLayer(software: Software, version: AlpineVersion): BaseLayer {
  const release = releases[version];
  return { key: `alpine-${release.version}`, tree: () => alpineTree(software, release) };
}

export const alpineSteps = (software: Software, version: AlpineVersion): Step[] => [
  buildkit(`ADD alpine-minirootfs-${releases[version].version}-x86_64.tar.gz / # buildkit`, alpineLayer(software, version)),
  buildkit('CMD ["/bin/sh"]'),
];

export const alpineImages = (software: Software): BaseImage[] =>
  (Object.keys(releases) as AlpineVersion[]).map((version) => ({
    repository: "library/alpine",
    tags: releases[version].tags,
    created: releases[version].created,
    steps: alpineSteps(software, version),
    config: { Env: [DEFAULT_PATH], Cmd: ["/bin/sh"], WorkingDir: "/" },
  }));
