/** The other addresses of socat(1): standard streams, descriptors, files, pipes and programs. */

import { EEXIST, Errno } from "../../abi/errno.ts";
import { AT_FDCWD, O_APPEND, O_CREAT, O_EXCL, O_NOCTTY, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } from "../../abi/fcntl.ts";
import { SIG_DFL, SIGCHLD } from "../../abi/signal.ts";
import { AF_UNIX, SOCK_STREAM } from "../../abi/socket.ts";
import { S_IFIFO, S_IFMT, S_IFSOCK } from "../../abi/stat.ts";
import type { Proc } from "../../abi/sys.ts";
import {
  BRKINT,
  ECHO,
  ECHOE,
  ECHOK,
  ECHONL,
  ICANON,
  ICRNL,
  IGNCR,
  INLCR,
  ISIG,
  IXON,
  OPOST,
  type Termios,
  VMIN,
  VTIME,
} from "../../abi/termios.ts";
import { isatty } from "../libc/stdio.ts";
import { execvp, open, optional, stat } from "../libc/unistd.ts";
import { type Address, commandWords, isOn } from "./address.ts";
import { type Channel, highFd, must, type Then, type Ways, waysText } from "./channel.ts";
import type { Log } from "./log.ts";

/** What `raw`, `echo=0` and the like make of a terminal; undefined where nothing was asked. */
function changedTerminal(address: Address, now: Termios): Termios | undefined {
  const { options } = address;
  if (!["raw", "rawer", "cfmakeraw", "echo", "isig", "icanon"].some((name) => options.has(name))) return undefined;
  const cc = [...now.cc];
  let { iflag, oflag, lflag } = now;
  if (isOn(address, "raw") || isOn(address, "rawer") || isOn(address, "cfmakeraw")) {
    iflag &= ~(BRKINT | ICRNL | INLCR | IGNCR | IXON);
    oflag &= ~OPOST;
    lflag &= ~(ICANON | ISIG);
    if (!isOn(address, "raw")) lflag &= ~(ECHO | ECHOE | ECHOK | ECHONL);
    cc[VMIN] = 1;
    cc[VTIME] = 0;
  }
  for (const [name, bit] of [
    ["echo", ECHO],
    ["isig", ISIG],
    ["icanon", ICANON],
  ] as const)
    if (options.has(name)) lflag = isOn(address, name) ? lflag | bit : lflag & ~bit;
  return { ...now, iflag, oflag, lflag, cc };
}

/** Sets a terminal as the options say; what sets it back. */
function* setTerminal(log: Log, address: Address, fd: number): Proc<{ undo?: () => Proc<void> }> {
  const { sys } = log.c;
  if (!(yield* isatty(sys, fd))) return {};
  const before = yield* sys.ioctl(fd, "TCGETS");
  const changed = changedTerminal(address, before);
  if (changed === undefined) return {};
  yield* sys.ioctl(fd, "TCSETS", changed);
  return {
    *undo() {
      yield* sys.ioctl(fd, "TCSETS", before);
    },
  };
}

function* standard(log: Log, address: Address, ways: Ways): Proc<Channel> {
  if (address.kind === "stdio" && ways === "both") {
    yield* log.say("N", "reading from and writing to stdio");
    return { read: 0, write: 1, end: "none", ...(yield* setTerminal(log, address, 0)) };
  }
  const fd = address.kind === "stdin" ? 0 : address.kind === "stderr" ? 2 : address.kind === "stdout" || ways === "write" ? 1 : 0;
  yield* log.say("N", `using ${["stdin", "stdout", "stderr"][fd]} for ${waysText(ways)}`);
  return {
    read: ways === "write" ? undefined : fd,
    write: ways === "read" ? undefined : fd,
    end: "none",
    ...(yield* setTerminal(log, address, fd)),
  };
}

const only = (fd: number, ways: Ways, end: Channel["end"]): Channel => ({
  ...{ read: ways === "write" ? undefined : fd, write: ways === "read" ? undefined : fd, end },
});

function openFlags(address: Address, ways: Ways): number {
  let flags = ways === "both" ? O_RDWR : ways === "read" ? O_RDONLY : O_WRONLY;
  if (isOn(address, "rdonly")) flags = O_RDONLY;
  if (isOn(address, "wronly")) flags = O_WRONLY;
  if (isOn(address, "rdwr")) flags = O_RDWR;
  for (const [name, bit] of [
    ["creat", O_CREAT],
    ["excl", O_EXCL],
    ["append", O_APPEND],
    ["trunc", O_TRUNC],
  ] as const)
    if (isOn(address, name)) flags |= bit;
  return flags;
}

function* file(log: Log, address: Address, ways: Ways): Proc<Channel> {
  const { sys } = log.c;
  const [path = ""] = address.parameters;
  const mode = Number.parseInt(address.options.get("mode") ?? "666", 8);
  let flags = openFlags(address, ways);
  if (address.kind === "create") flags = O_WRONLY | O_CREAT | O_TRUNC;
  if (address.kind === "gopen") {
    const there = yield* optional(stat(sys, path));
    if (there !== undefined && (there.mode & S_IFMT) === S_IFSOCK) {
      const fd = yield* highFd(log, yield* sys.socket(AF_UNIX, SOCK_STREAM, 0));
      yield* must(log, `connect(${fd}, AF=1 "${path}", ${path.length + 2})`, sys.connect(fd, { family: AF_UNIX, path }));
      return only(fd, ways, "shutdown");
    }
    // What is not there is made; what is there is written behind.
    if (ways !== "read") flags |= there === undefined ? O_CREAT : O_APPEND;
  }
  const shown =
    address.kind === "create" ? `creat("${path}", 0${mode.toString(8)})` : `open("${path}", 0${flags.toString(8)}, 0${mode.toString(8)})`;
  const fd = yield* highFd(log, yield* must(log, shown, open(sys, path, flags, mode)));
  const terminal = yield* setTerminal(log, address, fd);
  return { ...only(fd, ways, "close"), ...terminal };
}

/** Without a name what is written can be read again; with one, a named pipe, made where there is none. */
function* pipe(log: Log, address: Address, ways: Ways): Proc<Channel> {
  const { sys } = log.c;
  const [path] = address.parameters;
  if (path === undefined) {
    const [read, write] = yield* sys.pipe2(0);
    yield* log.say("N", "writing to and reading from unnamed pipe");
    return { read: yield* highFd(log, read), write: yield* highFd(log, write), end: "close" };
  }
  try {
    yield* sys.mknodat(AT_FDCWD, path, S_IFIFO | 0o666, 0);
  } catch (e) {
    if (e !== EEXIST) {
      if (e instanceof Errno) return yield* log.fail(`mknod(${path}, 0666): ${e.message}`);
      throw e;
    }
  }
  const flags = ways === "both" ? O_RDWR : ways === "read" ? O_RDONLY : O_WRONLY;
  return only(yield* highFd(log, yield* must(log, `open("${path}", 0${flags.toString(8)}, 0666)`, open(sys, path, flags))), ways, "close");
}

/** The child of EXEC and SYSTEM: its streams are the other end. */
function* child(
  log: Log,
  address: Address,
  ways: Ways,
  ends: { readonly input?: number; readonly output?: number },
  pty: boolean,
): Proc<number> {
  const { c } = log;
  const { sys } = c;
  yield* sys.rt_sigaction(SIGCHLD, { handler: SIG_DFL, flags: 0, mask: 0n });
  if (pty || isOn(address, "setsid")) yield* sys.setsid();
  const { input, output } = ends;
  if (ways !== "read" && input !== undefined) yield* sys.dup2(input, 0);
  if (ways !== "write" && output !== undefined) yield* sys.dup2(output, 1);
  if (isOn(address, "stderr") && output !== undefined) yield* sys.dup2(output, 2);
  if (pty) yield* sys.ioctl(0, "TIOCSCTTY", 0);
  for (const fd of new Set([input, output])) if (fd !== undefined && fd > 2) yield* sys.close(fd);
  const [text = ""] = address.parameters;
  const words = address.kind === "system" ? ["sh", "-c", text] : commandWords(text);
  const [program = ""] = words;
  yield* log.say("N", `execvp'ing "${program}"`);
  try {
    return yield* execvp(sys, program, words, c.env);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    const shown = words.map((word) => `, "${word}"`).join("");
    yield* log.say("E", `execvp("${program}"${shown}): ${e.message}`);
    return 1;
  }
}

function* program(log: Log, address: Address, ways: Ways): Proc<Channel> {
  const { sys } = log.c;
  const pty = isOn(address, "pty");
  yield* log.say("N", `forking off child, using ${pty ? "pty" : isOn(address, "pipes") ? "pipes" : "socket"} for ${waysText(ways)}`);
  if (pty) {
    const master = yield* highFd(log, yield* must(log, "open(/dev/ptmx)", open(sys, "/dev/ptmx", O_RDWR | O_NOCTTY)));
    yield* sys.ioctl(master, "TIOCSPTLCK", 0);
    const slave = yield* open(sys, `/dev/pts/${yield* sys.ioctl(master, "TIOCGPTN")}`, O_RDWR | O_NOCTTY);
    yield* setTerminal(log, address, slave);
    const pid = yield* sys.fork(function* () {
      yield* sys.close(master);
      return yield* child(log, address, "both", { input: slave, output: slave }, true);
    });
    yield* sys.close(slave);
    yield* log.say("N", `forked off child process ${pid}`);
    return { read: master, write: master, end: "none", pid };
  }
  if (isOn(address, "pipes")) {
    const [theirIn, ourOut] = yield* sys.pipe2(0);
    const [ourIn, theirOut] = yield* sys.pipe2(0);
    const pid = yield* sys.fork(function* () {
      yield* sys.close(ourOut);
      yield* sys.close(ourIn);
      return yield* child(log, address, ways, { input: theirIn, output: theirOut }, false);
    });
    for (const fd of [theirIn, theirOut]) yield* sys.close(fd);
    yield* log.say("N", `forked off child process ${pid}`);
    return { read: yield* highFd(log, ourIn), write: yield* highFd(log, ourOut), end: "close", pid };
  }
  const [low, theirs] = yield* sys.socketpair(AF_UNIX, SOCK_STREAM, 0);
  const ours = yield* highFd(log, low);
  const pid = yield* sys.fork(function* () {
    yield* sys.close(ours);
    return yield* child(log, address, ways, { input: theirs, output: theirs }, false);
  });
  yield* sys.close(theirs);
  yield* log.say("N", `forked off child process ${pid}`);
  return { ...only(ours, ways, "shutdown"), pid };
}

/** Opens an address that is no socket, and goes on. */
export function* openFile(log: Log, address: Address, ways: Ways, then: Then): Proc<number> {
  switch (address.kind) {
    case "stdio":
    case "stdin":
    case "stdout":
    case "stderr":
      return yield* then(yield* standard(log, address, ways));
    case "fd": {
      const fd = Number(address.parameters[0]);
      yield* log.say("N", `using file descriptor ${fd} for ${waysText(ways)}`);
      return yield* then(only(fd, ways, "none"));
    }
    case "pipe":
      return yield* then(yield* pipe(log, address, ways));
    case "exec":
    case "system":
      return yield* then(yield* program(log, address, ways));
    default:
      return yield* then(yield* file(log, address, ways));
  }
}
