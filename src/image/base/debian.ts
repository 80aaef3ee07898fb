/** Debian 12 (bookworm), the whole and the slim image; and the parts that other images take from it. */

import { addGnuLibraries, addGnuTools, gnuElf, programOf, type Software } from "./software.ts";
import { type BaseImage, type BaseLayer, DEFAULT_PATH, secondsOf, type Step } from "./image.ts";
import { bookwormPackages, type DebianPackage, programsOf } from "./packages.ts";
import { Tree } from "./tree.ts";

const CREATED = "2025-05-20T00:00:00Z";
const FULL_BYTES = 116_544_512;
const SLIM_BYTES = 74_837_248;

const DIRS =
  "boot dev etc/alternatives etc/apt/apt.conf.d etc/apt/preferences.d etc/apt/sources.list.d etc/apt/trusted.gpg.d etc/cron.daily etc/default etc/dpkg/dpkg.cfg.d etc/init.d " +
  "etc/kernel etc/ld.so.conf.d etc/logrotate.d etc/opt etc/pam.d etc/profile.d etc/security etc/selinux etc/skel etc/terminfo home media mnt opt proc run/lock srv sys " +
  "usr/bin usr/games usr/include usr/lib/apt/methods usr/lib/x86_64-linux-gnu usr/lib64 usr/libexec usr/local/bin usr/local/etc usr/local/games usr/local/include usr/local/lib " +
  "usr/local/sbin usr/local/share/man usr/local/src usr/sbin usr/share/doc usr/share/man usr/src var/backups var/cache/apt/archives/partial var/cache/debconf var/lib/apt/lists/partial " +
  "var/lib/dpkg/info var/lib/dpkg/updates var/lib/misc var/log/apt var/opt var/spool/cron tmp var/tmp root";

const ETC_FILES =
  "/etc/bash.bashrc /etc/debian_version /etc/environment /etc/group /etc/host.conf /etc/issue /etc/issue.net /etc/ld.so.conf /etc/ld.so.conf.d/libc.conf " +
  "/etc/ld.so.conf.d/x86_64-linux-gnu.conf /etc/nsswitch.conf /etc/passwd /etc/profile /etc/shells /root/.profile /etc/skel/.bashrc /etc/skel/.profile /usr/lib/os-release";

/** What the image has of apt, dpkg and perl besides files: programs that the machine may not have. */
const OTHER_PROGRAMS: readonly (readonly [path: string, sizeBytes: number])[] = [
  ["usr/bin/apt", 18_752],
  ["usr/bin/apt-cache", 88_544],
  ["usr/bin/apt-config", 26_944],
  ["usr/bin/apt-get", 51_592],
  ["usr/bin/apt-mark", 59_784],
  ["usr/bin/dpkg", 318_176],
  ["usr/bin/dpkg-deb", 157_672],
  ["usr/bin/dpkg-query", 153_736],
  ["usr/bin/gpgv", 511_400],
  ["usr/bin/passwd", 68_248],
  ["usr/bin/perl", 3_792_696],
  ["usr/sbin/groupadd", 92_192],
  ["usr/sbin/useradd", 142_552],
  ["usr/sbin/usermod", 134_136],
];

const BIG_FILES: readonly (readonly [path: string, sizeBytes: number])[] = [
  ["usr/lib/x86_64-linux-gnu/libapt-pkg.so.6.0.0", 2_077_408],
  ["usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30", 2_190_440],
  ["usr/lib/x86_64-linux-gnu/libgnutls.so.30.34.3", 2_076_616],
  ["usr/lib/x86_64-linux-gnu/libdb-5.3.so", 1_867_832],
  ["usr/lib/x86_64-linux-gnu/libgcrypt.so.20.4.1", 1_263_264],
  ["usr/lib/locale/C.utf8/LC_CTYPE", 353_616],
  ["usr/share/zoneinfo/tzdata.zi", 110_000],
];

/** `without`: the root filesystem of the slim image lacks documentation and translations. */
export function bookwormLayer(software: Software, slim: boolean): BaseLayer {
  return { key: slim ? "debian-bookworm-slim" : "debian-bookworm", tree: () => bookwormTree(software, slim) };
}

function bookwormTree(software: Software, slim: boolean): Tree {
  const tree = new Tree(secondsOf(CREATED), slim ? "bookworm-slim" : "bookworm");
  addDebianTree(tree, software, bookwormPackages, software.debianFiles);
  tree.text(
    "etc/apt/sources.list.d/debian.sources",
    ["bookworm bookworm-updates", "bookworm-security"]
      .map(
        (suites, i) =>
          `Types: deb\nURIs: http://deb.debian.org/debian${i === 0 ? "" : "-security"}\nSuites: ${suites}\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n`,
      )
      .join("\n"),
  );
  tree.filler("usr/share/keyrings/debian-archive-keyring.gpg", 56_164);
  if (slim) {
    tree.text(
      "etc/dpkg/dpkg.cfg.d/docker",
      "path-exclude /usr/share/doc/*\npath-include /usr/share/doc/*/copyright\npath-exclude /usr/share/man/*\n",
    );
    tree.fillUp(SLIM_BYTES, "usr/share/perl/5.36.0/part", ".pm", 400_000);
  } else {
    tree.fillUp(SLIM_BYTES, "usr/share/perl/5.36.0/part", ".pm", 400_000);
    tree.fillUp(FULL_BYTES - 9_000_000, "usr/share/locale/messages", ".mo", 600_000);
    tree.fillUp(FULL_BYTES, "usr/share/doc/changelog", ".gz", 300_000);
  }
  return tree;
}

/** The tree that Debian and Ubuntu have in common: packages and their programs, their database, users, configuration. */
export function addDebianTree(
  tree: Tree,
  software: Software,
  packages: readonly DebianPackage[],
  files: ReadonlyMap<string, string>,
): void {
  tree.dirs(...DIRS.split(" "));
  for (const name of ["bin", "lib", "lib64", "sbin"]) tree.link(name, `usr/${name}`);
  tree.link("etc/os-release", "../usr/lib/os-release");
  tree.link("etc/mtab", "/proc/mounts");
  tree.link("var/lock", "/run/lock");
  tree.link("var/run", "/run");
  tree.link("etc/localtime", "/usr/share/zoneinfo/Etc/UTC");
  tree.text("etc/timezone", "Etc/UTC\n");
  tree.dir("var/local", 0o2775, 0, 50);
  tree.dir("var/mail", 0o2775, 0, 8);
  for (const path of ETC_FILES.split(" ")) {
    const content = files.get(path);
    if (content !== undefined) tree.text(path.slice(1), content);
  }
  tree.text("root/.bashrc", ROOT_BASHRC);
  const names = (files.get("/etc/passwd") ?? "")
    .trim()
    .split("\n")
    .map((line) => line.split(":")[0]);
  tree.text("etc/shadow", names.map((name) => `${name}:*:20228:0:99999:7:::\n`).join(""), 0o640, 0, 42);
  const groups = (files.get("/etc/group") ?? "")
    .trim()
    .split("\n")
    .map((line) => line.split(":")[0]);
  tree.text("etc/gshadow", groups.map((name) => `${name}:*::\n`).join(""), 0o640, 0, 42);
  addGnuTools(tree, software, [...programsOf(packages.map(({ name }) => name)), "ld-linux-x86-64.so.2", "sh"]);
  tree.link("etc/alternatives/awk", "/usr/bin/mawk");
  tree.link("etc/alternatives/pager", "/bin/more");
  tree.link("usr/bin/awk", "/etc/alternatives/awk");
  tree.link("usr/bin/pager", "/etc/alternatives/pager");
  for (const [path, size] of OTHER_PROGRAMS) {
    const name = path.slice(path.lastIndexOf("/") + 1);
    tree.elf(path, gnuElf(programOf(software, name)), size, name === "passwd" ? 0o4755 : 0o755);
  }
  for (const [path, size] of BIG_FILES) tree.filler(path, size);
  addGnuLibraries(tree, software, ["libm.so.6", "libgmp.so.10", "libunistring.so.2"]);
  tree.text("var/lib/dpkg/status", packages.map(statusOf).join("\n"));
  for (const { name, architecture } of packages) {
    const list = architecture === "all" || !name.startsWith("lib") ? name : `${name}:amd64`;
    tree.text(`var/lib/dpkg/info/${list}.list`, "/.\n/usr\n/usr/share\n/usr/share/doc\n");
    tree.filler(`usr/share/doc/${name}/copyright`, 2000);
  }
}

/** A paragraph of /var/lib/dpkg/status. */
export function statusOf(p: DebianPackage): string {
  const essential = p.essential ? "Essential: yes\n" : "";
  return (
    `Package: ${p.name}\n${essential}Status: install ok installed\nPriority: ${p.priority}\nSection: ${p.section}\nInstalled-Size: ${p.installedKib}\n` +
    `Architecture: ${p.architecture}\n${p.name.startsWith("lib") ? "Multi-Arch: same\n" : ""}Version: ${p.version}\nDescription: ${p.name}\n`
  );
}

/** The shell's own prompt: that of the image's is commented out. */
const ROOT_BASHRC = "# ~/.bashrc: executed by bash(1) for non-login shells.\n\n# umask 022\n";

export const bookwormStep = (software: Software, slim: boolean): Step => ({
  createdBy: `# debian.sh --arch 'amd64' out/ 'bookworm' '@${secondsOf(CREATED)}'`,
  comment: "debuerreotype 0.15",
  layer: bookwormLayer(software, slim),
});

export const debianImages = (software: Software): BaseImage[] =>
  [false, true].map((slim) => ({
    repository: "library/debian",
    tags: slim ? ["12-slim", "12.11-slim", "bookworm-slim", "stable-slim"] : ["12", "12.11", "bookworm", "latest", "stable"],
    created: CREATED,
    steps: [bookwormStep(software, slim)],
    config: { Env: [DEFAULT_PATH], Cmd: ["bash"] },
  }));
