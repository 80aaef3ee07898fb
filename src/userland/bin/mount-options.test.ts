/** Options of the whole filesystem, and mount without root: as Linux and util-linux 2.38 show them. */

import { expect, test } from "vitest";
import { boot } from "../../machine/testing.ts";

test("sync, dirsync, mand and lazytime are the filesystem's: shown by every mount of it", () => {
  const m = boot();
  m.run("mkdir d e; mount -t tmpfs -o sync,noexec,noatime,ro,lazytime,mand,dirsync,nosuid,nodev t d; mount --bind -o ro d e");
  expect(m.run("grep ' /root/[de] ' /proc/mounts | cut -d' ' -f3,4").stdout).toBe(
    "tmpfs ro,sync,dirsync,mand,lazytime,nosuid,nodev,noexec,noatime\ntmpfs ro,sync,dirsync,mand,lazytime,noatime\n",
  );
  expect(m.run("grep ' /root/d ' /proc/self/mountinfo | sed 's/.* - //'").stdout).toBe("tmpfs t ro,sync,dirsync,mand,lazytime\n");
});

test("who is not root mounts nothing, and unmounts nothing", () => {
  const m = boot();
  const u = (words: string): string => m.run(`setpriv --reuid 1000 --regid 1000 --clear-groups ${words}`).stderr;
  expect(u("mount -t tmpfs t /mnt")).toBe(
    "mount: /mnt: must be superuser to use mount.\n       dmesg(1) may have more information after failed mount system call.\n",
  );
  expect(u("umount /proc")).toBe("umount: /proc: must be superuser to unmount.\n");
  expect(u("umount /etc")).toBe("umount: /etc: not mounted.\n");
  expect(u("umount /nonex")).toBe("umount: /nonex: No such file or directory\n");
});
