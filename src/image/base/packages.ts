/**
 * The packages of Debian's base image (bookworm), and which programs of the machine come from which package: names, versions, sizes in KiB, sections and
 * priorities, as dpkg-query(1) tells them on a Debian 12.
 */

const rows = `
adduser 3.134 686 admin important all
apt 2.6.1 4232 admin required
base-files 12.4+deb12u11 341 admin required essential
base-passwd 3.6.1 247 admin required essential
bash 5.2.15-2+b8 7164 shells required essential
bsdutils 1:2.38.1-5+deb12u3 355 utils required essential
coreutils 9.1-1 18062 utils required essential
dash 0.5.12-2 191 shells required essential
debconf 1.5.82 491 admin required all
debian-archive-keyring 2023.3+deb12u2 293 misc important all
debianutils 5.7-0.5~deb12u1 243 utils required essential
diffutils 1:3.8-4 1598 utils required essential
dpkg 1.21.22 6409 admin required essential
e2fsprogs 1.47.0-2 1496 admin required
findutils 4.9.0-4 1746 utils required essential
gcc-12-base 12.2.0-14+deb12u1 100 libs optional
gpgv 2.2.40-1.1+deb12u2 918 utils important
grep 3.8-5 1245 utils required essential
gzip 1.12-1 252 utils required essential
hostname 3.23+nmu1 46 admin required essential
init-system-helpers 1.65.2 140 admin required essential all
libacl1 2.3.1-3 73 libs optional
libapt-pkg6.0 2.6.1 3297 libs optional
libattr1 1:2.5.1-4 59 libs optional
libaudit-common 1:3.0.9-1 22 libs optional all
libaudit1 1:3.0.9-1 150 libs optional
libblkid1 2.38.1-5+deb12u3 398 libs optional
libbz2-1.0 1.0.8-5+b1 106 libs optional
libc-bin 2.36-9+deb12u14 2042 libs required essential
libc6 2.36-9+deb12u14 13001 libs optional
libcap-ng0 0.8.3-1+b3 65 libs optional
libcap2 1:2.66-4+deb12u2+b2 95 libs optional
libcom-err2 1.47.0-2 54 libs optional
libcrypt1 1:4.4.33-2 233 libs optional
libdb5.3 5.3.28+dfsg2-1 1833 libs optional
libdebconfclient0 0.270 37 libs optional
libext2fs2 1.47.0-2 534 libs optional
libffi8 3.4.4-1 68 libs optional
libgcc-s1 12.2.0-14+deb12u1 140 libs optional
libgcrypt20 1.10.1-3 1592 libs optional
libgmp10 2:6.2.1+dfsg1-1.1 855 libs optional
libgnutls30 3.7.9-2+deb12u6 3390 libs optional
libgpg-error0 1.46-1 192 libs optional
libhogweed6 3.8.1-2 463 libs optional
libidn2-0 2.3.3-1+b1 439 libs optional
liblz4-1 1.9.4-1 169 libs optional
liblzma5 5.4.1-1 333 libs optional
libmd0 1.0.4-2 79 libs optional
libmount1 2.38.1-5+deb12u3 454 libs optional
libnettle8 3.8.1-2 520 libs optional
libp11-kit0 0.24.1-2 1408 libs optional
libpam-modules 1.5.2-6+deb12u1 1031 admin required
libpam-modules-bin 1.5.2-6+deb12u1 227 admin required
libpam-runtime 1.5.2-6+deb12u1 876 admin required all
libpam0g 1.5.2-6+deb12u1 215 libs optional
libpcre2-8-0 10.42-1 685 libs optional
libseccomp2 2.5.4-1+deb12u1 148 libs optional
libselinux1 3.4-1+b6 199 libs optional
libsemanage-common 3.4-1 37 libs optional all
libsemanage2 3.4-1+b5 297 libs optional
libsepol2 3.4-2.1 775 libs optional
libsmartcols1 2.38.1-5+deb12u3 289 libs optional
libss2 1.47.0-2 70 libs optional
libstdc++6 12.2.0-14+deb12u1 2686 libs optional
libsystemd0 252.39-1~deb12u2 909 libs optional
libtasn1-6 4.19.0-2+deb12u1 116 libs optional
libtinfo6 6.4-4 541 libs optional
libudev1 252.39-1~deb12u2 240 libs optional
libunistring2 1.0-2 1807 libs optional
libuuid1 2.38.1-5+deb12u3 79 libs optional
libxxhash0 0.8.1-1 99 libs optional
libzstd1 1.5.4+dfsg2-5 785 libs optional
login 1:4.13+dfsg1-1+deb12u1 2550 admin required essential
logsave 1.47.0-2 49 admin optional
mawk 1.3.4.20200120-3.1 263 interpreters required
mount 2.38.1-5+deb12u3 393 admin required
ncurses-base 6.4-4 379 misc required essential all
ncurses-bin 6.4-4 636 utils required essential
passwd 1:4.13+dfsg1-1+deb12u1 2827 admin required
perl-base 5.36.0-7+deb12u4 7643 perl required essential
sed 4.9-1 987 utils required essential
sysvinit-utils 3.06-4 100 admin required essential
tar 1.34+dfsg-1.2+deb12u1 3144 utils required essential
tzdata 2025b-0+deb12u2 2565 localization required all
usr-is-merged 37~deb12u1 13 oldlibs optional all
util-linux 2.38.1-5+deb12u3 4978 utils required essential
util-linux-extra 2.38.1-5+deb12u3 366 utils standard
zlib1g 1:1.2.13.dfsg-1 168 libs optional
`;

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly installedKib: number;
  readonly section: string;
  readonly priority: string;
  readonly essential: boolean;
  readonly architecture: "amd64" | "all";
}

export const bookwormPackages: readonly DebianPackage[] = rows
  .trim()
  .split("\n")
  .map((row) => {
    const [name = "", version = "", kib, section = "", priority = "", ...flags] = row.split(" ");
    const architecture = flags.includes("all") ? "all" : "amd64";
    return { name, version, installedKib: Number(kib), section, priority, essential: flags.includes("essential"), architecture };
  });

/** Package → names of the programs of the machine that Debian has in it. */
export const packagePrograms: Readonly<Record<string, string>> = {
  attr: "getfattr setfattr",
  bash: "bash",
  bc: "bc",
  "bind9-dnsutils": "dig nslookup",
  "bind9-host": "host",
  binutils: "readelf",
  "binutils-x86-64-linux-gnu": "strings",
  "bridge-utils": "brctl",
  bsdextrautils: "column hexdump",
  bsdutils: "renice",
  conntrack: "conntrack",
  coreutils:
    "b2sum base32 base64 basename [ cat chgrp chmod chown chroot cksum comm cp cut date dd df dirname du echo env expand expr factor false fmt fold groups head id install join link ln logname ls md5sum mkdir mkfifo mknod mktemp mv nice nl nohup nproc numfmt od paste printenv printf pwd readlink realpath rm rmdir seq sha1sum sha224sum sha256sum sha384sum sha512sum shuf sleep sort split stat stty sum sync tac tail tee test timeout touch tr true truncate tsort tty uname unexpand uniq unlink users wc who whoami yes",
  curl: "curl",
  dash: "dash",
  debianutils: "which",
  diffutils: "cmp diff",
  ethtool: "ethtool",
  file: "file",
  findutils: "find xargs",
  grep: "egrep fgrep grep",
  gzip: "gunzip gzip zcat",
  hostname: "hostname",
  "inetutils-telnet": "telnet",
  iproute2: "bridge ip ss tc",
  iptables: "iptables iptables-restore iptables-save",
  "iputils-ping": "ping",
  kmod: "lsmod",
  less: "less",
  "libc-bin": "getent iconv ldd",
  libc6: "ld-linux-x86-64.so.2",
  "libcap2-bin": "capsh getcap getpcaps setcap",
  login: "nologin",
  lsof: "lsof",
  mawk: "awk",
  mount: "mount umount",
  nano: "nano",
  "ncurses-bin": "clear reset tput",
  "net-tools": "arp ifconfig netstat route",
  "netcat-openbsd": "nc",
  patch: "patch",
  procps: "free kill pgrep pmap ps sysctl top uptime vmstat w watch",
  psmisc: "fuser killall pstree",
  sed: "sed",
  strace: "strace",
  stress: "stress",
  sudo: "sudo",
  sysstat: "pidstat",
  "sysvinit-utils": "pidof",
  tar: "tar",
  tcpdump: "tcpdump",
  time: "time",
  traceroute: "traceroute",
  "util-linux":
    "chrt dmesg findmnt ionice ipcmk ipcrm ipcs lscpu lsns more mountpoint nsenter pivot_root prlimit rev setpriv setsid su switch_root taskset unshare",
  "vim-tiny": "vi",
  wget: "wget",
  xxd: "xxd",
};

/** The programs of some packages. */
export const programsOf = (packages: readonly string[]): string[] => packages.flatMap((name) => packagePrograms[name]?.split(" ") ?? []);
