/**
 * busybox: one executable, many applets, chosen by argv[0] or by the first argument. BusyBox `libbb/appletlib.c`.
 * Its applets are those programs of this machine that say where Alpine puts their link.
 */

import { EEXIST, Errno } from "../../abi/errno.ts";
import type { Auxv, Proc, Program, Sys } from "../../abi/sys.ts";
import { AT_FDCWD } from "../../abi/fcntl.ts";
import type { Executable } from "../executable.ts";
import { BUSYBOX_VERSION } from "../libc/help.ts";
import { writeAll } from "../libc/stdio.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { basename, symlink } from "../libc/unistd.ts";

const BANNER = `BusyBox v${BUSYBOX_VERSION} multi-call binary.\n`;
/** Where Alpine has the file. */
const SELF = "/bin/busybox";

interface Applet {
  readonly name: string;
  /** Where `--install` puts the link. */
  readonly path: string;
  readonly executable: Executable;
}

const byName = new WeakMap<readonly Executable[], ReadonlyMap<string, Applet>>();

/** The applets in the order of their names. */
function appletsOf(executables: readonly Executable[]): ReadonlyMap<string, Applet> {
  const known = byName.get(executables);
  if (known !== undefined) return known;
  const all: Applet[] = [];
  for (const executable of executables) {
    const path = executable.applet;
    if (path !== undefined) all.push({ name: basename(path), path, executable });
  }
  all.sort((a, b) => (a.name < b.name ? -1 : 1));
  const map = new Map(all.map((applet) => [applet.name, applet]));
  byName.set(executables, map);
  return map;
}

const usage = (names: readonly string[]): string => {
  let list = "";
  let column = 0;
  for (const name of names) {
    const width = name.length + 2;
    if (column >= 79 - width) {
      list += ",\n";
      column = 0;
    }
    list += column === 0 ? "\t" : ", ";
    if (column === 0) column = 6;
    list += name;
    column += width;
  }
  return `${BANNER}BusyBox is copyrighted by many authors between 1998-2015.
Licensed under GPLv2. See source distribution for detailed
copyright notices.

Usage: busybox [function [arguments]...]
   or: busybox --list[-full]
   or: busybox --install [-s] [DIR]
   or: function [arguments]...

	BusyBox is a multi-call binary that combines many common Unix
	utilities into a single executable.  Most people will create a
	link to busybox for each function they wish to use and BusyBox
	will act like whatever it was invoked as.

Currently defined functions:
${list}

`;
};

/** `--install [-s] [DIR]`: a hard or symbolic link for each applet. */
function* install(sys: Sys, applets: Iterable<Applet>, args: readonly string[], self: string): Proc<number> {
  const symbolic = args[0] === "-s";
  const dir = args[symbolic ? 1 : 0];
  for (const applet of applets) {
    const path = dir === undefined ? applet.path : `${dir.replace(/\/+$/, "")}/${applet.name}`;
    try {
      if (symbolic) yield* symlink(sys, self, path);
      else yield* sys.linkat(AT_FDCWD, self, AT_FDCWD, path, 0);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      // What is there already stays, silently.
      if (e !== EEXIST) yield* writeAll(sys, 2, encodeUtf8(`busybox: ${path}: ${e.message}\n`));
    }
  }
  return 0;
}

/** Makes the multi-call program of the applets among `executables`, which is asked for only when it runs. */
export function busybox(executables: () => readonly Executable[]): Executable {
  const run = function* (sys: Sys, applet: Applet, argv: readonly string[], env: Map<string, string>, auxv: Auxv): Proc<number> {
    const { main: appletMain } = applet.executable;
    // The kernel has loaded the code of the applet that argv names before it started this program.
    if (appletMain === undefined) return 126;
    return yield* appletMain(sys, argv, env, { ...auxv, voice: "busybox" });
  };
  const main: Program = function* (sys, argv, env, auxv) {
    const applets = appletsOf(executables());
    let name = basename(argv[0] ?? "busybox");
    // A login shell's argv[0] begins with a dash.
    if (name.startsWith("-")) name = name.slice(1);
    let args = argv;
    if (name.startsWith("busybox")) {
      args = argv.slice(1);
      const first = args[0];
      if (first === undefined || (first === "--help" && args[1] === undefined)) {
        yield* writeAll(sys, 1, encodeUtf8(usage([...applets.keys()])));
        return 0;
      }
      if (first === "--list" || first === "--list-full") {
        const lines = [...applets.values()].map((a) => (first === "--list" ? a.name : a.path.slice(1)));
        yield* writeAll(sys, 1, encodeUtf8(`${lines.join("\n")}\n`));
        return 0;
      }
      if (first === "--install") return yield* install(sys, applets.values(), args.slice(1), yield* ownPath(sys));
      if (first === "--help") args = [args[1] as string, "--help"];
      name = basename(args[0] as string);
    }
    const applet = applets.get(name);
    if (applet === undefined) {
      yield* writeAll(sys, 2, encodeUtf8(`${name}: applet not found\n`));
      return 127;
    }
    return yield* run(sys, applet, args, env, auxv);
  };
  return {
    name: "busybox",
    main,
    paths: ["/usr/bin/busybox"],
    needed: ["libresolv.so.2", "libc.so.6"],
    sizeBytes: 772880,
  };
}

/** Where this executable is: what its links point to. */
function* ownPath(sys: Sys): Proc<string> {
  try {
    return yield* sys.readlinkat(AT_FDCWD, "/proc/self/exe");
  } catch (e) {
    if (e instanceof Errno) return SELF;
    throw e;
  }
}
