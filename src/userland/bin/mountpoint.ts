/** mountpoint(1) of util-linux, and busybox's: whether something is mounted on a directory. */

import { Errno } from "../../abi/errno.ts";
import { isBlk, isDir, isLnk, major, minor } from "../../abi/stat.ts";
import type { Executable } from "../executable.ts";
import { command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { help } from "../libc/help.ts";
import { isMountPoint } from "../libc/mntent.ts";
import { lstat, stat } from "../libc/unistd.ts";

const usage = `
 mountpoint [-qd] </path/to/directory>
 mountpoint -x </dev/device>

Check whether a directory or file is a mountpoint.

Options:
 -q, --quiet        quiet mode - don't print anything
     --nofollow     do not follow symlink
 -d, --fs-devno     print maj:min device number of the filesystem
 -x, --devno        print maj:min device number of the block device

 -h, --help         display this help`;

export const mountpoint: Executable = {
  name: "mountpoint",
  paths: ["/usr/bin/mountpoint"],
  needed: ["libmount.so.1", "libc.so.6", "libblkid.so.1", "libselinux.so.1", "libpcre2-8.so.0"],
  sizeBytes: 18744,
  applet: "/bin/mountpoint",
  main: command({ help: help(usage, "mountpoint [-q] <[-dn] DIR | -x DEVICE>\n\nCheck if the directory is a mountpoint") }, function* (c) {
    const gnu = c.voice === "gnu";
    const { options, operands } = yield* c.getopt({
      short: "qdxh",
      long: [{ name: "quiet", as: "q" }, { name: "fs-devno", as: "d" }, { name: "devno", as: "x" }, { name: "nofollow" }],
    });
    const has = (name: string): boolean => options.some((o) => o.name === name);
    if (has("h")) return yield* c.help();
    const [path] = operands;
    if (path === undefined || operands.length > 1) throw new UsageError(gnu ? "bad usage" : "");
    try {
      const st = yield* has("nofollow") ? lstat(c.sys, path) : stat(c.sys, path);
      if (has("x")) {
        if (!isBlk(st.mode)) {
          if (!has("q")) yield* c.warn(`${path}: not a block device`);
          return gnu ? 32 : 1;
        }
        yield* c.print(`${major(st.rdev)}:${minor(st.rdev)}\n`);
        return 0;
      }
      if (!isDir(st.mode) && !gnu) {
        if (!has("q")) yield* c.warn(`${path}: Not a directory`);
        return 1;
      }
      const is = !isLnk(st.mode) && (yield* isMountPoint(c.sys, path));
      if (has("d") && is) yield* c.print(`${major(st.dev)}:${minor(st.dev)}\n`);
      else if (!has("q")) yield* c.print(`${path} is ${is ? "" : "not "}a mountpoint\n`);
      return is ? 0 : gnu ? 32 : 1;
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      if (!has("q")) yield* c.perror(path, e);
      return 1;
    }
  }),
};
