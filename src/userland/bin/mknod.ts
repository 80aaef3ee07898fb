/** mknod(1) of coreutils: device nodes and named pipes. */

import { Errno } from "../../abi/errno.ts";
import { AT_FDCWD } from "../../abi/fcntl.ts";
import { makedev, S_IFBLK, S_IFCHR, S_IFIFO } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { UsageError } from "../libc/getopt.ts";
import { COREUTILS, help } from "../libc/help.ts";
import { adjustMode, compileMode } from "../libc/mode.ts";
import { extraOperand, missingOperand } from "../libc/operands.ts";
import { quote, quotef } from "../libc/quotearg.ts";

const usage = `mknod [OPTION]... NAME TYPE [MAJOR MINOR]
Create the special file NAME: TYPE is b for a block device, c or u for a character device, p for a named pipe.

  -m, --mode=MODE  set the permissions as chmod does, instead of a=rw less the umask
      --help       show this help and exit`;

/** A decimal, octal or hexadecimal number as strtoul takes it. */
function number(text: string): number | undefined {
  if (/^0[xX][0-9a-fA-F]+$/.test(text)) return Number(text);
  if (/^0[0-7]*$/.test(text)) return Number.parseInt(text, 8);
  return /^[1-9][0-9]*$/.test(text) ? Number(text) : undefined;
}

function* run(c: Command): Proc<number> {
  const gnu = c.voice === "gnu";
  const { options, operands } = yield* c.getopt({ short: "m:", long: [{ name: "mode", arg: "required", as: "m" }] });
  const text = options.at(-1)?.arg;
  let mode = 0o666;
  if (text !== undefined) {
    const change = compileMode(text);
    if (change === undefined) return yield* c.fail(gnu ? "invalid mode" : `invalid mode '${text}'`);
    mode = adjustMode(0o666, change, yield* c.sys.umask(0), false);
    if (mode & ~0o777) return yield* c.fail("mode must specify only file permission bits");
  }
  const [name = "", type = "", majorText = "", minorText = ""] = operands;
  const expected = operands.length === 0 || type.startsWith("p") ? 2 : 4;
  if (operands.length < expected) {
    const hint = expected === 4 && operands.length === 2 ? "\nSpecial files require major and minor device numbers." : "";
    const problem = missingOperand(c, operands.at(-1));
    throw gnu ? new UsageError(problem.message + hint) : problem;
  }
  const extra = operands[expected];
  if (extra !== undefined) {
    const problem = extraOperand(c, extra);
    throw gnu
      ? new UsageError(
          problem.message + (expected === 2 && operands.length === 4 ? "\nFifos do not have major and minor device numbers." : ""),
        )
      : problem;
  }
  let kind = S_IFIFO;
  let dev = 0;
  if (!type.startsWith("p")) {
    if (!/^[bcu]/.test(type)) throw new UsageError(gnu ? `invalid device type ${quote(type)}` : "");
    kind = type.startsWith("b") ? S_IFBLK : S_IFCHR;
    const major = number(majorText);
    const minor = number(minorText);
    if (major === undefined)
      return yield* c.fail(gnu ? `invalid major device number ${quote(majorText)}` : `invalid number '${majorText}'`);
    if (minor === undefined)
      return yield* c.fail(gnu ? `invalid minor device number ${quote(minorText)}` : `invalid number '${minorText}'`);
    dev = makedev(major, minor);
  }
  try {
    yield* c.sys.mknodat(AT_FDCWD, name, kind | mode, dev);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* c.perror(gnu ? quotef(name) : name, e);
    return 1;
  }
  return 0;
}

export const mknod: Executable = {
  name: "mknod",
  paths: ["/usr/bin/mknod"],
  needed: ["libselinux.so.1", "libc.so.6", "libpcre2-8.so.0"],
  sizeBytes: 72912,
  applet: "/bin/mknod",
  main: command({ version: COREUTILS, help: help(usage) }, run),
};
