/** Text files of the host's root filesystem: a Debian 12 with nothing configured but its name. */

import { protocols, services } from "./netdb.ts";

/** Paths and contents; mode 0644 and root:root unless listed in rootfs.ts. */
export const textFiles = (hostname: string): readonly (readonly [path: string, content: string])[] => [
  ["/etc/debian_version", "12.11\n"],
  ["/etc/environment", ""],
  ["/etc/fstab", "# <file system> <mount point> <type> <options> <dump> <pass>\n"],
  ["/etc/group", lines(groups)],
  ["/etc/host.conf", "multi on\n"],
  ["/etc/hostname", `${hostname}\n`],
  [
    "/etc/hosts",
    `127.0.0.1\tlocalhost
127.0.1.1\t${hostname}

::1\tlocalhost ip6-localhost ip6-loopback
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`,
  ],
  [
    "/etc/inputrc",
    `# Key bindings of the line editor: readline(3).
set meta-flag on
set input-meta on
set convert-meta off
set output-meta on
"\\e[1~": beginning-of-line
"\\e[4~": end-of-line
"\\e[3~": delete-char
"\\e[1;5C": forward-word
"\\e[1;5D": backward-word
`,
  ],
  ["/etc/issue", "Debian GNU/Linux 12 \\n \\l\n\n"],
  ["/etc/issue.net", "Debian GNU/Linux 12\n"],
  ["/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n\n"],
  ["/etc/ld.so.conf.d/libc.conf", "# libc default configuration\n/usr/local/lib\n"],
  [
    "/etc/ld.so.conf.d/x86_64-linux-gnu.conf",
    "# Multiarch support\n/usr/local/lib/x86_64-linux-gnu\n/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu\n",
  ],
  ["/etc/motd", motd],
  [
    "/etc/network/interfaces",
    `# Interfaces that are set up at boot: interfaces(5).
auto lo
iface lo inet loopback

auto eth0
iface eth0 inet static
    address 10.0.2.15/24
    gateway 10.0.2.2
`,
  ],
  ["/etc/networks", "default\t\t0.0.0.0\nloopback\t127.0.0.0\nlink-local\t169.254.0.0\n\n"],
  [
    "/etc/nsswitch.conf",
    `passwd:         files
group:          files
shadow:         files
gshadow:        files

hosts:          files dns
networks:       files

protocols:      db files
services:       db files
ethers:         db files
rpc:            db files

netgroup:       nis
`,
  ],
  ["/etc/passwd", lines(users)],
  ["/etc/profile", profile],
  ["/etc/bash.bashrc", bashBashrc],
  ["/etc/protocols", protocols],
  ["/etc/resolv.conf", "nameserver 10.0.2.3\n"],
  ["/etc/services", services],
  ["/etc/shells", "# /etc/shells: valid login shells\n/bin/sh\n/usr/bin/sh\n/bin/bash\n/usr/bin/bash\n/bin/dash\n/usr/bin/dash\n"],
  ["/etc/timezone", "Etc/UTC\n"],
  ["/root/.bashrc", rootBashrc],
  ["/root/.profile", dotProfile],
  ["/etc/skel/.bashrc", skelBashrc],
  ["/etc/skel/.profile", dotProfile],
  [
    "/usr/lib/os-release",
    `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
SUPPORT_URL="https://www.debian.org/support"
BUG_REPORT_URL="https://bugs.debian.org/"
`,
  ],
];

/** /etc/shadow: nobody has a password. */
export const shadow = (): string => lines(users.map((user) => `${user.slice(0, user.indexOf(":"))}:*:20216:0:99999:7:::`));
/** /etc/gshadow. */
export const gshadow = (): string => lines(groups.map((group) => `${group.slice(0, group.indexOf(":"))}:*::`));

const lines = (all: readonly string[]): string => `${all.join("\n")}\n`;

const users: readonly string[] = [
  "root:x:0:0:root:/root:/bin/bash",
  "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin",
  "bin:x:2:2:bin:/bin:/usr/sbin/nologin",
  "sys:x:3:3:sys:/dev:/usr/sbin/nologin",
  "sync:x:4:65534:sync:/bin:/bin/sync",
  "games:x:5:60:games:/usr/games:/usr/sbin/nologin",
  "man:x:6:12:man:/var/cache/man:/usr/sbin/nologin",
  "lp:x:7:7:lp:/var/spool/lpd:/usr/sbin/nologin",
  "mail:x:8:8:mail:/var/mail:/usr/sbin/nologin",
  "news:x:9:9:news:/var/spool/news:/usr/sbin/nologin",
  "uucp:x:10:10:uucp:/var/spool/uucp:/usr/sbin/nologin",
  "proxy:x:13:13:proxy:/bin:/usr/sbin/nologin",
  "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin",
  "backup:x:34:34:backup:/var/backups:/usr/sbin/nologin",
  "list:x:38:38:Mailing List Manager:/var/list:/usr/sbin/nologin",
  "irc:x:39:39:ircd:/run/ircd:/usr/sbin/nologin",
  "_apt:x:42:65534::/nonexistent:/usr/sbin/nologin",
  "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin",
];

const groups: readonly string[] = (
  "root:0 daemon:1 bin:2 sys:3 adm:4 tty:5 disk:6 lp:7 mail:8 news:9 uucp:10 man:12 proxy:13 kmem:15 dialout:20 fax:21 voice:22 " +
  "cdrom:24 floppy:25 tape:26 sudo:27 audio:29 dip:30 www-data:33 backup:34 operator:37 list:38 irc:39 src:40 shadow:42 utmp:43 " +
  "video:44 sasl:45 plugdev:46 staff:50 games:60 users:100 docker:103 nogroup:65534"
)
  .split(" ")
  .map((group) => group.replace(/:(\d+)$/, ":x:$1:"));

const motd = `Welcome to Drydock: a Linux machine of your own, to walk around in and to take apart.

  pstree -p               who runs here, and who started whom
  strace -f sh -c 'ls|wc' what a command asks of the kernel
  stress --cpu 2 &        put load on two CPUs, then watch with top

`;

const profile = `# /etc/profile: for login shells, read before ~/.profile.

if [ "\${EUID:-$(id -u)}" -eq 0 ]; then
  PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
else
  PATH="/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
fi
export PATH

if [ "\${PS1-}" ]; then
  if [ "\${BASH-}" ] && [ "$BASH" != "/bin/sh" ]; then
    if [ -f /etc/bash.bashrc ]; then
      . /etc/bash.bashrc
    fi
  elif [ "\${EUID:-$(id -u)}" -eq 0 ]; then
    PS1='# '
  else
    PS1='$ '
  fi
fi

if [ -d /etc/profile.d ]; then
  for i in /etc/profile.d/*.sh; do
    if [ -r "$i" ]; then
      . "$i"
    fi
  done
  unset i
fi
`;

const bashBashrc = `# /etc/bash.bashrc: for interactive bash(1) shells, read before ~/.bashrc.

[ -z "\${PS1-}" ] && return

shopt -s checkwinsize

if [ -z "\${debian_chroot:-}" ] && [ -r /etc/debian_chroot ]; then
    debian_chroot=$(cat /etc/debian_chroot)
fi
PS1='\${debian_chroot:+($debian_chroot)}\\u@\\h:\\w\\$ '
`;

const prompt = (colour: string): string =>
  `PS1='\${debian_chroot:+($debian_chroot)}\\[\\033[${colour}m\\]\\u@\\h\\[\\033[00m\\]:\\[\\033[01;34m\\]\\w\\[\\033[00m\\]\\$ '`;

const rootBashrc = `# ~/.bashrc: for interactive bash(1) shells.

[ -z "\${PS1-}" ] && return

${prompt("01;32")}

export LS_OPTIONS='--color=auto'
alias ls='ls $LS_OPTIONS'
alias ll='ls $LS_OPTIONS -l'
alias l='ls $LS_OPTIONS -lA'
alias grep='grep --color=auto'
`;

const skelBashrc = `# ~/.bashrc: for interactive bash(1) shells.

[ -z "\${PS1-}" ] && return

HISTCONTROL=ignoreboth
HISTSIZE=1000
HISTFILESIZE=2000
shopt -s histappend checkwinsize

${prompt("01;32")}
alias ls='ls --color=auto'
alias grep='grep --color=auto'
`;

const dotProfile = `# ~/.profile: for login shells.

if [ "\${BASH-}" ] && [ -f ~/.bashrc ]; then
  . ~/.bashrc
fi
`;

/** /etc/sudoers: root and the members of group sudo may do everything. */
export const sudoers = `# Who may run what as whom: sudoers(5). Local rules belong into /etc/sudoers.d.
Defaults	env_reset
Defaults	mail_badpass
Defaults	secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
Defaults	use_pty

root	ALL=(ALL:ALL) ALL
%sudo	ALL=(ALL:ALL) ALL

@includedir /etc/sudoers.d
`;
