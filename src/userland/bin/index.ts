/** Every program of the machine. One import and one line each, sorted by name; nothing registers itself. */

import type { Executable } from "../executable.ts";
import { apache2 } from "./apache2.ts";
import { arch } from "./arch.ts";
import { arp } from "./arp.ts";
import { awk } from "./awk.ts";
import { base32, base64 } from "./base64.ts";
import { basename } from "./basename.ts";
import { bash } from "./bash.ts";
import { bc } from "./bc.ts";
import { bracket } from "./bracket.ts";
import { brctl } from "./brctl.ts";
import { bridge } from "./bridge.ts";
import { busybox } from "./busybox.ts";
import { capsh } from "./capsh.ts";
import { cat } from "./cat.ts";
import { chgrp } from "./chgrp.ts";
import { chmod } from "./chmod.ts";
import { chown } from "./chown.ts";
import { chroot } from "./chroot.ts";
import { chrt } from "./chrt.ts";
import { cksum, sum } from "./cksum.ts";
import { clear } from "./clear.ts";
import { cmp } from "./cmp.ts";
import { column } from "./column.ts";
import { comm } from "./comm.ts";
import { conntrack } from "./conntrack.ts";
import { cp } from "./cp.ts";
import { curl } from "./curl.ts";
import { cut } from "./cut.ts";
import { date } from "./date.ts";
import { dd } from "./dd.ts";
import { df } from "./df.ts";
import { diff } from "./diff.ts";
import { dig } from "./dig.ts";
import { dirname } from "./dirname.ts";
import { dmesg } from "./dmesg.ts";
import { du } from "./du.ts";
import { echo } from "./echo.ts";
import { env } from "./env.ts";
import { ethtool } from "./ethtool.ts";
import { expand, unexpand } from "./expand.ts";
import { expr } from "./expr.ts";
import { factor } from "./factor.ts";
import { falseProgram } from "./false.ts";
import { file } from "./file.ts";
import { find } from "./find.ts";
import { findmnt } from "./findmnt.ts";
import { fmt } from "./fmt.ts";
import { fold } from "./fold.ts";
import { free } from "./free.ts";
import { fuser } from "./fuser.ts";
import { getcap } from "./getcap.ts";
import { getent } from "./getent.ts";
import { getfattr } from "./getfattr.ts";
import { egrep, fgrep, grep } from "./grep.ts";
import { getpcaps } from "./getpcaps.ts";
import { gosu } from "./gosu.ts";
import { groups } from "./groups.ts";
import { gunzip } from "./gunzip.ts";
import { gzip } from "./gzip.ts";
import { halt, poweroff, reboot, shutdown } from "./halt.ts";
import { head } from "./head.ts";
import { hello } from "./hello.ts";
import { hd, hexdump } from "./hexdump.ts";
import { host } from "./host.ts";
import { hostname } from "./hostname.ts";
import { httpd } from "./httpd.ts";
import { iconv } from "./iconv.ts";
import { id } from "./id.ts";
import { ifconfig } from "./ifconfig.ts";
import { init } from "./init.ts";
import { install } from "./install.ts";
import { ionice } from "./ionice.ts";
import { ip } from "./ip.ts";
import { ip6tables, ip6tablesRestore, ip6tablesSave } from "./ip6tables.ts";
import { iptables } from "./iptables.ts";
import { iptablesRestore } from "./iptables-restore.ts";
import { iptablesSave } from "./iptables-save.ts";
import { ipcmk } from "./ipcmk.ts";
import { ipcrm } from "./ipcrm.ts";
import { ipcs } from "./ipcs.ts";
import { join } from "./join.ts";
import { kill } from "./kill.ts";
import { killall } from "./killall.ts";
import { ldLinux } from "./ld-linux.ts";
import { ldd } from "./ldd.ts";
import { less } from "./less.ts";
import { link } from "./link.ts";
import { ln } from "./ln.ts";
import { logname } from "./logname.ts";
import { ls } from "./ls.ts";
import { lscpu } from "./lscpu.ts";
import { lsmod } from "./lsmod.ts";
import { lsns } from "./lsns.ts";
import { lsof } from "./lsof.ts";
import { b2sum, md5sum, sha1sum, sha224sum, sha256sum, sha384sum, sha512sum } from "./md5sum.ts";
import { mkdir } from "./mkdir.ts";
import { mkfifo } from "./mkfifo.ts";
import { mknod } from "./mknod.ts";
import { mktemp } from "./mktemp.ts";
import { more } from "./more.ts";
import { mount } from "./mount.ts";
import { mountpoint } from "./mountpoint.ts";
import { mv } from "./mv.ts";
import { nano } from "./nano.ts";
import { nc } from "./nc.ts";
import { netstat } from "./netstat.ts";
import { nice } from "./nice.ts";
import { nl } from "./nl.ts";
import { nohup } from "./nohup.ts";
import { nologin } from "./nologin.ts";
import { nginx } from "./nginx.ts";
import { notHere } from "./not-here.ts";
import { nproc } from "./nproc.ts";
import { nsenter } from "./nsenter.ts";
import { nslookup } from "./nslookup.ts";
import { numfmt } from "./numfmt.ts";
import { od } from "./od.ts";
import { paste } from "./paste.ts";
import { patch } from "./patch.ts";
import { pgrep, pkill } from "./pgrep.ts";
import { pidof } from "./pidof.ts";
import { pidstat } from "./pidstat.ts";
import { ping } from "./ping.ts";
import { pivotRoot } from "./pivot_root.ts";
import { pmap } from "./pmap.ts";
import { printenv } from "./printenv.ts";
import { printf } from "./printf.ts";
import { prlimit } from "./prlimit.ts";
import { ps } from "./ps.ts";
import { pstree } from "./pstree.ts";
import { pwd } from "./pwd.ts";
import { readelf } from "./readelf.ts";
import { readlink } from "./readlink.ts";
import { realpath } from "./realpath.ts";
import { redisCli } from "./redis-cli.ts";
import { redisServer } from "./redis-server.ts";
import { renice } from "./renice.ts";
import { reset } from "./reset.ts";
import { rev } from "./rev.ts";
import { rm } from "./rm.ts";
import { rmdir } from "./rmdir.ts";
import { route } from "./route.ts";
import { sed } from "./sed.ts";
import { seq } from "./seq.ts";
import { setcap } from "./setcap.ts";
import { setfattr } from "./setfattr.ts";
import { setpriv } from "./setpriv.ts";
import { setsid } from "./setsid.ts";
import { ash, dash, sh } from "./sh.ts";
import { shuf } from "./shuf.ts";
import { sleep } from "./sleep.ts";
import { socat } from "./socat.ts";
import { sort } from "./sort.ts";
import { split } from "./split.ts";
import { ss } from "./ss.ts";
import { stat } from "./stat.ts";
import { strace } from "./strace.ts";
import { stress } from "./stress.ts";
import { strings } from "./strings.ts";
import { stty } from "./stty.ts";
import { su } from "./su.ts";
import { sudo } from "./sudo.ts";
import { switchRootProgram } from "./switch_root.ts";
import { sync } from "./sync.ts";
import { sysctl } from "./sysctl.ts";
import { systemctl } from "./systemctl.ts";
import { systemdCgls } from "./systemd-cgls.ts";
import { systemdCgtop } from "./systemd-cgtop.ts";
import { tac } from "./tac.ts";
import { tail } from "./tail.ts";
import { tar } from "./tar.ts";
import { taskset } from "./taskset.ts";
import { tc } from "./tc.ts";
import { tcpdump } from "./tcpdump.ts";
import { tee } from "./tee.ts";
import { telnet } from "./telnet.ts";
import { test } from "./test.ts";
import { time } from "./time.ts";
import { timeout } from "./timeout.ts";
import { top } from "./top.ts";
import { touch } from "./touch.ts";
import { tput } from "./tput.ts";
import { tr } from "./tr.ts";
import { traceroute } from "./traceroute.ts";
import { trueProgram } from "./true.ts";
import { truncate } from "./truncate.ts";
import { tsort } from "./tsort.ts";
import { tty } from "./tty.ts";
import { umount } from "./umount.ts";
import { uname } from "./uname.ts";
import { uniq } from "./uniq.ts";
import { unlink } from "./unlink.ts";
import { unshare } from "./unshare.ts";
import { uptime } from "./uptime.ts";
import { users } from "./users.ts";
import { usleep } from "./usleep.ts";
import { vi } from "./vi.ts";
import { vmstat } from "./vmstat.ts";
import { w } from "./w.ts";
import { watch } from "./watch.ts";
import { wc } from "./wc.ts";
import { wget } from "./wget.ts";
import { which } from "./which.ts";
import { who } from "./who.ts";
import { whoami } from "./whoami.ts";
import { xargs } from "./xargs.ts";
import { xxd } from "./xxd.ts";
import { yes } from "./yes.ts";
import { zcat } from "./zcat.ts";

export const executables: readonly Executable[] = [
  apache2,
  arch,
  arp,
  ash,
  awk,
  b2sum,
  base32,
  base64,
  basename,
  bash,
  bc,
  bracket,
  busybox(() => executables),
  brctl,
  bridge,
  capsh,
  cat,
  chgrp,
  chmod,
  chown,
  chroot,
  chrt,
  cksum,
  clear,
  cmp,
  column,
  comm,
  conntrack,
  cp,
  curl,
  cut,
  dash,
  date,
  dd,
  df,
  diff,
  dig,
  dirname,
  dmesg,
  du,
  echo,
  egrep,
  env,
  ethtool,
  expand,
  expr,
  factor,
  falseProgram,
  fgrep,
  file,
  find,
  findmnt,
  fmt,
  fold,
  free,
  fuser,
  getcap,
  getent,
  gosu,
  getfattr,
  getpcaps,
  grep,
  groups,
  gunzip,
  gzip,
  halt,
  hd,
  head,
  hello,
  hexdump,
  host,
  hostname,
  httpd,
  iconv,
  id,
  ifconfig,
  init,
  install,
  ionice,
  ip,
  ip6tables,
  ip6tablesRestore,
  ip6tablesSave,
  iptables,
  iptablesRestore,
  iptablesSave,
  ipcmk,
  ipcrm,
  ipcs,
  join,
  kill,
  killall,
  ldd,
  ldLinux,
  less,
  link,
  ln,
  logname,
  ls,
  lscpu,
  lsmod,
  lsns,
  lsof,
  md5sum,
  mkdir,
  mkfifo,
  mknod,
  mktemp,
  more,
  mount,
  mountpoint,
  mv,
  nano,
  nc,
  netstat,
  nginx,
  nice,
  nl,
  nohup,
  nologin,
  notHere,
  nproc,
  nsenter,
  nslookup,
  numfmt,
  od,
  paste,
  patch,
  pgrep,
  pidof,
  pidstat,
  ping,
  pivotRoot,
  pkill,
  pmap,
  poweroff,
  printenv,
  printf,
  prlimit,
  ps,
  pstree,
  pwd,
  readelf,
  readlink,
  realpath,
  redisCli,
  redisServer,
  reboot,
  renice,
  reset,
  rev,
  rm,
  rmdir,
  route,
  sed,
  seq,
  setcap,
  setfattr,
  setpriv,
  setsid,
  sh,
  sha1sum,
  sha224sum,
  sha256sum,
  sha384sum,
  sha512sum,
  shuf,
  shutdown,
  sleep,
  socat,
  sort,
  split,
  ss,
  stat,
  strace,
  stress,
  strings,
  stty,
  su,
  sudo,
  sum,
  switchRootProgram,
  sync,
  sysctl,
  systemctl,
  systemdCgls,
  systemdCgtop,
  tac,
  tail,
  tar,
  taskset,
  tc,
  tcpdump,
  tee,
  telnet,
  test,
  time,
  timeout,
  top,
  touch,
  tput,
  tr,
  traceroute,
  trueProgram,
  truncate,
  tsort,
  tty,
  umount,
  uname,
  unexpand,
  uniq,
  unlink,
  unshare,
  uptime,
  users,
  usleep,
  vi,
  vmstat,
  w,
  watch,
  wc,
  wget,
  which,
  who,
  whoami,
  xargs,
  xxd,
  yes,
  zcat,
];
