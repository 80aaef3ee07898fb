/**
 * ldd(1) of glibc: asks the dynamic loader what a program needs, as its shell script does.
 * Differs from Linux: it is a program here, not a bash script. Left out: -d, -r, -u, -v.
 */

import { Errno } from "../../abi/errno.ts";
import { AT_FDCWD, R_OK } from "../../abi/fcntl.ts";
import { isReg } from "../../abi/stat.ts";
import type { Env, Proc } from "../../abi/sys.ts";
import { wExitStatus, wIfExited } from "../../abi/wait.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { optional, stat } from "../libc/unistd.ts";

const RTLD = "/lib64/ld-linux-x86-64.so.2";

const help = `Usage: ldd [OPTION]... FILE...
      --help              print this help and exit
      --version           print version information and exit`;

/** Runs the loader on a file; the status it exits with. */
function* loader(c: Command, argv: readonly string[], extra: readonly (readonly [string, string])[], quiet: boolean): Proc<number> {
  yield* c.stdout.flush();
  const env: Env = new Map([...c.env, ...extra]);
  const pid = yield* c.sys.fork(function* () {
    try {
      if (quiet) {
        const fd = yield* c.sys.openat(AT_FDCWD, "/dev/null", 1);
        yield* c.sys.dup2(fd, 1);
        yield* c.sys.dup2(fd, 2);
      }
      yield* c.sys.execve(argv[0] ?? "", argv, env);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
    }
    return 127;
  });
  const { status } = yield* c.sys.wait4(pid, 0);
  return wIfExited(status) ? wExitStatus(status) : 128;
}

function* accessible(c: Command, path: string, mode: number): Proc<boolean> {
  try {
    yield* c.sys.faccessat2(AT_FDCWD, path, mode, 0);
    return true;
  } catch (e) {
    if (e instanceof Errno) return false;
    throw e;
  }
}

function* examine(c: Command, given: string): Proc<number> {
  const path = given.includes("/") ? given : `./${given}`;
  const say = (message: string): Proc<void> => c.eprint(`ldd: ${message}\n`);
  const st = yield* optional(stat(c.sys, path));
  if (st === undefined) {
    yield* say(`${path}: No such file or directory`);
    return 1;
  }
  if (!isReg(st.mode)) {
    yield* say(`${path}: not regular file`);
    return 1;
  }
  if (!(yield* accessible(c, path, R_OK))) {
    yield* say(`error: you do not have read permission for \`${path}'`);
    return 1;
  }
  const verdict = (yield* optional(stat(c.sys, RTLD))) === undefined ? 1 : yield* loader(c, [RTLD, "--verify", path], [], true);
  if (verdict !== 0 && verdict !== 2) {
    yield* c.stdout.flush();
    yield* c.eprint("\tnot a dynamic executable\n");
    return 1;
  }
  const status = yield* loader(c, [RTLD, path], [["LD_TRACE_LOADED_OBJECTS", "1"]], false);
  return status === 0 ? 0 : 1;
}

function* main(c: Command): Proc<number> {
  const files: string[] = [];
  for (const [i, word] of c.args.entries()) {
    if (word === "--") {
      files.push(...c.args.slice(i + 1));
      break;
    }
    if (word === "--help") return yield* c.help();
    if (word === "--version") {
      yield* c.print("ldd (Debian GLIBC 2.36-9+deb12u10) 2.36\n");
      return 0;
    }
    if (word.startsWith("-")) {
      yield* c.eprint(`ldd: unrecognized option \`${word}'\nTry \`ldd --help' for more information.\n`);
      return 1;
    }
    files.push(word);
  }
  if (files.length === 0) {
    yield* c.eprint("ldd: missing file arguments\nTry `ldd --help' for more information.\n");
    return 1;
  }
  let status = 0;
  for (const path of files) {
    if (files.length > 1) yield* c.print(`${path}:\n`);
    if ((yield* examine(c, path)) !== 0) status = 1;
  }
  return status;
}

export const ldd: Executable = {
  name: "ldd",
  main: command({ help }, main),
  paths: ["/usr/bin/ldd"],
  sizeBytes: 5407,
};
