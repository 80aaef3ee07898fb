/** -exec, -execdir, -ok and their `+` forms: findutils `exec.c`, `buildcmd.c`. */

import { Errno } from "../../abi/errno.ts";
import { O_RDONLY } from "../../abi/fcntl.ts";
import type { Env, Proc } from "../../abi/sys.ts";
import { byteLength } from "../../abi/utf8.ts";
import { wIfExited, wIfSignaled, wExitStatus, wTermSig } from "../../abi/wait.ts";
import type { Command } from "../libc/command.ts";
import { quote } from "../libc/quotearg.ts";
import { execvp, open } from "../libc/unistd.ts";
import type { Visit } from "./walk.ts";

/** What find lets one command line take: 128 KiB, less what the environment needs. */
const ARG_MAX = 128 * 1024;

/** Runs a command, in `dir` if given, and waits for it. Whether it exited with 0. */
export function* run(c: Command, argv: readonly string[], dir: string | undefined, closeStdin: boolean): Proc<boolean> {
  const { sys } = c;
  const name = c.voice === "gnu" ? quote(argv[0] ?? "") : (argv[0] ?? "");
  yield* c.stdout.flush();
  const env: Env = new Map(c.env);
  const pid = yield* sys.fork(function* () {
    try {
      if (closeStdin) {
        const fd = yield* open(sys, "/dev/null", O_RDONLY);
        yield* sys.dup2(fd, 0);
      }
      if (dir !== undefined) yield* sys.chdir(dir);
      yield* execvp(sys, argv[0] ?? "", argv, env);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* c.perror(name, e);
    }
    return 1;
  });
  const { status } = yield* sys.wait4(pid, 0);
  if (wIfSignaled(status)) {
    if (c.voice === "gnu") yield* c.warn(`${name} terminated by signal ${wTermSig(status)}`);
    return false;
  }
  return wIfExited(status) && wExitStatus(status) === 0;
}

export const splitDir = (visit: Visit): { readonly dir: string; readonly base: string } => {
  const bare = visit.path.replace(/\/+$/, "");
  if (bare === "") return { dir: "/", base: "/" };
  const slash = bare.lastIndexOf("/");
  if (slash < 0) return { dir: ".", base: `./${bare}` };
  return { dir: slash === 0 ? "/" : bare.slice(0, slash), base: `./${bare.slice(slash + 1)}` };
};

/** Collects names for `-exec … {} +` and runs the command when the line is full, at the end, or (-execdir) when a directory is done. */
export class Batch {
  private names: string[] = [];
  private bytes = 0;
  private dir: string | undefined;
  private readonly fixed: number;
  failed = false;

  constructor(
    private readonly c: Command,
    private readonly before: readonly string[],
    private readonly after: readonly string[],
    private readonly inDirectory: boolean,
  ) {
    let fixed = 2048;
    for (const word of [...before, ...after]) fixed += byteLength(word) + 9;
    for (const [key, value] of c.env) fixed += byteLength(key) + byteLength(value) + 10;
    this.fixed = fixed;
  }

  *add(visit: Visit): Proc<void> {
    const at = splitDir(visit);
    const name = this.inDirectory ? at.base : visit.path;
    if (this.inDirectory && this.dir !== at.dir) {
      yield* this.flush();
      this.dir = at.dir;
    }
    const size = byteLength(name) + 9;
    if (this.names.length > 0 && this.fixed + this.bytes + size > ARG_MAX) yield* this.flush();
    this.names.push(name);
    this.bytes += size;
  }

  /** Runs what was collected, if anything. */
  *flush(): Proc<void> {
    if (this.names.length === 0) return;
    const argv = [...this.before, ...this.names, ...this.after];
    this.names = [];
    this.bytes = 0;
    if (!(yield* run(this.c, argv, this.dir, false))) this.failed = true;
  }

  /** A directory was left: its names must be run there. */
  *leave(dir: string): Proc<void> {
    if (this.inDirectory && this.dir === dir) yield* this.flush();
  }
}

/** Asks before -ok runs a command; the answer is a line of stdin. */
export function* ask(c: Command, program: string, path: string): Proc<boolean> {
  yield* c.stdout.flush();
  yield* c.eprint(`< ${program} ... ${path} > ? `);
  const line = yield* c.stdin.readLine();
  return line !== undefined && /^[yY]/.test(line);
}

/** Why `PATH` is not safe for -execdir; undefined if it is. */
export function unsafePath(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  for (const dir of path.split(":")) {
    if (dir === "" || dir === ".")
      return 'The current directory is included in the PATH environment variable, which is insecure in combination with the -execdir action of find.  Please remove the current directory from your $PATH (that is, remove ".", doubled colons, or leading or trailing colons)';
    if (!dir.startsWith("/"))
      return `The relative path ${quote(dir)} is included in the PATH environment variable, which is insecure in combination with the -execdir action of find.  Please remove that entry from $PATH`;
  }
  return undefined;
}
