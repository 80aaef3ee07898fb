/**
 * Ubuntu 24.04 and 22.04.
 *
 * Differs from Linux: their programs are the machine's, of the versions of Debian 12; the package database names those that Ubuntu has.
 */

import { addDebianTree } from "./debian.ts";
import { type BaseImage, DEFAULT_PATH, secondsOf } from "./image.ts";
import { bookwormPackages, type DebianPackage } from "./packages.ts";
import type { Software } from "./software.ts";
import { Tree } from "./tree.ts";

interface Release {
  readonly version: string;
  readonly full: string;
  readonly name: string;
  readonly codename: string;
  readonly created: string;
  readonly sizeBytes: number;
  readonly tags: readonly string[];
  /** Versions of packages where they are known; the others are named without. */
  readonly versions: Readonly<Record<string, string>>;
}

const releases: readonly Release[] = [
  {
    version: "24.04",
    full: "24.04.2 LTS (Noble Numbat)",
    name: "Noble Numbat",
    codename: "noble",
    created: "2025-05-29T04:25:41Z",
    sizeBytes: 78_127_104,
    tags: ["24.04", "noble", "noble-20250529", "latest", "rolling"],
    versions: {
      apt: "2.8.3",
      "base-files": "13ubuntu10.2",
      bash: "5.2.21-2ubuntu4",
      coreutils: "9.4-3ubuntu6",
      dash: "0.5.12-6ubuntu5",
      diffutils: "1:3.10-1build1",
      dpkg: "1.22.6ubuntu6.1",
      findutils: "4.9.0-5build1",
      grep: "3.11-4build1",
      gzip: "1.12-1ubuntu3",
      hostname: "3.23+nmu2ubuntu2",
      "libc-bin": "2.39-0ubuntu8.4",
      libc6: "2.39-0ubuntu8.4",
      "perl-base": "5.38.2-3.2ubuntu0.1",
      procps: "2:4.0.4-4ubuntu3.2",
      sed: "4.9-2build1",
      tar: "1.35+dfsg-3build1",
      "util-linux": "2.39.3-9ubuntu6.2",
    },
  },
  {
    version: "22.04",
    full: "22.04.5 LTS (Jammy Jellyfish)",
    name: "Jammy Jellyfish",
    codename: "jammy",
    created: "2025-05-14T11:27:10Z",
    sizeBytes: 77_866_496,
    tags: ["22.04", "jammy", "jammy-20250514"],
    versions: {
      apt: "2.4.14",
      "base-files": "12ubuntu4.7",
      bash: "5.1-6ubuntu1.1",
      coreutils: "8.32-4.1ubuntu1.2",
      dash: "0.5.11+git20210903+really0.5.11-2build1",
      dpkg: "1.21.1ubuntu2.3",
      findutils: "4.8.0-1ubuntu3",
      grep: "3.7-1build1",
      gzip: "1.10-4ubuntu4.1",
      "libc-bin": "2.35-0ubuntu3.9",
      libc6: "2.35-0ubuntu3.9",
      "perl-base": "5.34.0-3ubuntu1.4",
      procps: "2:3.3.17-6ubuntu2.1",
      sed: "4.8-1ubuntu2",
      tar: "1.34+dfsg-1ubuntu0.1.22.04.2",
      "util-linux": "2.37.2-4ubuntu3.4",
    },
  },
];

/** Of Debian's base packages those that Ubuntu's image has, too, and procps. */
function packagesOf({ versions }: Release): DebianPackage[] {
  const procps: DebianPackage = {
    name: "procps",
    version: versions.procps ?? "",
    installedKib: 1481,
    section: "admin",
    priority: "important",
    essential: false,
    architecture: "amd64",
  };
  return [
    ...bookwormPackages.filter(
      ({ name }) => versions[name] !== undefined || !/^(?:gcc-12-base|debian-archive-keyring|tzdata|usr-is-merged)$/.test(name),
    ),
    procps,
  ].map((p) => ({ ...p, version: versions[p.name] ?? p.version }));
}

function tree(software: Software, release: Release): Tree {
  const t = new Tree(secondsOf(release.created), `ubuntu-${release.version}`);
  const files = new Map(software.debianFiles);
  const { version, full, codename } = release;
  files.set(
    "/usr/lib/os-release",
    `PRETTY_NAME="Ubuntu ${full.replace(/ \(.*/, "")}"\nNAME="Ubuntu"\nVERSION_ID="${version}"\nVERSION="${full}"\nVERSION_CODENAME=${codename}\nID=ubuntu\nID_LIKE=debian\n` +
      `HOME_URL="https://www.ubuntu.com/"\nSUPPORT_URL="https://help.ubuntu.com/"\nBUG_REPORT_URL="https://bugs.launchpad.net/ubuntu/"\n` +
      `PRIVACY_POLICY_URL="https://www.ubuntu.com/legal/terms-and-policies/privacy-policy"\nUBUNTU_CODENAME=${codename}\nLOGO=ubuntu-logo\n`,
  );
  files.set("/etc/debian_version", version === "24.04" ? "trixie/sid\n" : "bookworm/sid\n");
  files.set("/etc/issue", `Ubuntu ${full.replace(/ \(.*/, "")} \\n \\l\n\n`);
  files.set("/etc/issue.net", `Ubuntu ${full.replace(/ \(.*/, "")}\n`);
  if (version === "24.04") {
    // Since 23.04 the image has a user of its own.
    files.set("/etc/passwd", `${files.get("/etc/passwd") ?? ""}ubuntu:x:1000:1000:Ubuntu:/home/ubuntu:/bin/bash\n`);
    files.set("/etc/group", `${files.get("/etc/group") ?? ""}ubuntu:x:1000:\n`);
    t.dir("home/ubuntu", 0o750, 1000, 1000);
  }
  addDebianTree(t, software, packagesOf(release), files);
  t.text(
    "etc/lsb-release",
    `DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=${version}\nDISTRIB_CODENAME=${codename}\nDISTRIB_DESCRIPTION="Ubuntu ${full.replace(/ \(.*/, "")}"\n`,
  );
  t.text(
    version === "24.04" ? "etc/apt/sources.list.d/ubuntu.sources" : "etc/apt/sources.list",
    version === "24.04"
      ? `Types: deb\nURIs: http://archive.ubuntu.com/ubuntu/\nSuites: noble noble-updates noble-backports\nComponents: main universe restricted multiverse\nSigned-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg\n`
      : "deb http://archive.ubuntu.com/ubuntu/ jammy main restricted universe multiverse\n",
  );
  t.filler("usr/share/keyrings/ubuntu-archive-keyring.gpg", 3607);
  t.fillUp(release.sizeBytes, "usr/share/perl/part", ".pm", 500_000);
  return t;
}

export const ubuntuImages = (software: Software): BaseImage[] =>
  releases.map((release) => {
    const nop = (what: string): { createdBy: string } => ({ createdBy: `/bin/sh -c #(nop)  ${what}` });
    return {
      repository: "library/ubuntu",
      tags: release.tags,
      created: release.created,
      steps: [
        nop("ARG RELEASE"),
        nop("ARG LAUNCHPAD_BUILD_ARCH"),
        nop("LABEL org.opencontainers.image.ref.name=ubuntu"),
        nop(`LABEL org.opencontainers.image.version=${release.version}`),
        {
          createdBy: "/bin/sh -c #(nop) ADD file:ubuntu-root.tar.gz in / ",
          layer: { key: `ubuntu-${release.version}`, tree: () => tree(software, release) },
        },
        nop('CMD ["/bin/bash"]'),
      ],
      config: {
        Env: [DEFAULT_PATH],
        Cmd: ["/bin/bash"],
        Labels: { "org.opencontainers.image.ref.name": "ubuntu", "org.opencontainers.image.version": release.version },
      },
    };
  });
