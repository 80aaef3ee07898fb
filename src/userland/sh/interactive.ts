/** The interactive shell: terminal and job control at the start, then prompt, line, command, for ever. */

import { EINTR, Errno } from "../../abi/errno.ts";
import { F_DUPFD_CLOEXEC } from "../../abi/fcntl.ts";
import { SA_RESTART, SIG_IGN, SIGCHLD, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH } from "../../abi/signal.ts";
import type { Termios } from "../../abi/termios.ts";
import type { Proc } from "../../abi/sys.ts";
import { isatty } from "../libc/stdio.ts";
import { notify } from "./builtins/jobs.ts";
import { expandHistory, HistoryError } from "./history-expansion.ts";
import { readSourceLine } from "./main.ts";
import { expandAliases, parseSource } from "./parse.ts";
import { giveTerminal } from "./process.ts";
import { expandPrompt } from "./prompt.ts";
import { Editor } from "./readline/editor.ts";
import { expandsAliases, runText } from "./run.ts";
import { Interrupted, type Shell, ShellError } from "./shell.ts";
import { installInterrupt } from "./traps.ts";

/** Reads and runs commands until the end of the input; the last status. `exit` unwinds through it. */
export function* interact(sh: Shell): Proc<number> {
  yield* takeTerminal(sh);
  yield* watchSignals(sh);
  const history = sh.flavour === "bash" ? sh.get("HISTFILE") : undefined;
  if (history !== undefined) yield* sh.history.load(sh.sys, history);
  const editor = (yield* canEdit(sh)) ? new Editor(sh, 0) : undefined;
  try {
    return yield* loop(sh, editor);
  } finally {
    const file = sh.flavour === "bash" ? sh.get("HISTFILE") : undefined;
    if (file !== undefined && file !== "") yield* sh.history.append(sh.sys, file);
  }
}

function* canEdit(sh: Shell): Proc<boolean> {
  // dash has no line editor of its own on Debian.
  if (sh.flavour === "dash" || sh.terminal < 0) return false;
  const term = sh.get("TERM");
  return term !== undefined && term !== "dumb" && term !== "" && (yield* isatty(sh.sys, 0));
}

function* takeTerminal(sh: Shell): Proc<void> {
  const { sys } = sh;
  let fd = -1;
  for (const candidate of [2, 0]) {
    try {
      if (yield* isatty(sys, candidate)) {
        fd = candidate;
        break;
      }
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
    }
  }
  if (fd < 0) {
    yield* noJobControl(sh, "Inappropriate ioctl for device");
    return;
  }
  try {
    sh.terminal = yield* sys.fcntl(fd, F_DUPFD_CLOEXEC, 255);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    sh.terminal = yield* sys.fcntl(fd, F_DUPFD_CLOEXEC, 10);
  }
  try {
    // Started in the background, wait to be brought to the front.
    for (;;) {
      const front = yield* sys.ioctl(sh.terminal, "TIOCGPGRP");
      if (front === (yield* sys.getpgid(0)) || front <= 0) break;
      yield* sys.kill(0, SIGTTIN);
    }
    for (const sig of [SIGTSTP, SIGTTIN, SIGTTOU]) {
      yield* sys.rt_sigaction(sig, { handler: SIG_IGN, flags: 0, mask: 0n });
      sh.traps.installed.add(sig);
    }
    if ((yield* sys.getsid(0)) !== sh.selfPid && (yield* sys.getpgid(0)) !== sh.selfPid) yield* sys.setpgid(0, sh.selfPid);
    yield* sys.ioctl(sh.terminal, "TIOCSPGRP", yield* sys.getpgid(0));
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    yield* sys.close(sh.terminal);
    sh.terminal = -1;
    yield* noJobControl(sh, e.message);
    return;
  }
  sh.options.set("monitor", true);
  const modes = { now: yield* sys.ioctl(sh.terminal, "TCGETS") };
  sh.onStop = () => putModesBack(sh, modes);
}

/** After a program that stopped or was killed, the terminal is as the shell had it. */
function* putModesBack(sh: Shell, modes: { now: Termios }): Proc<void> {
  try {
    yield* sh.sys.ioctl(sh.terminal, "TCSETSW", modes.now);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
  }
}

function* noJobControl(sh: Shell, why: string): Proc<void> {
  if (sh.flavour === "bash")
    yield* sh.eprint(
      `${sh.arg0}: cannot set terminal process group (${yield* sh.sys.getpgid(0)}): ${why}\n${sh.arg0}: no job control in this shell\n`,
    );
  else
    yield* sh.eprint(
      sh.flavour === "dash"
        ? `${sh.arg0}: 0: can't access tty; job control turned off\n`
        : `${sh.arg0}: can't access tty; job control turned off\n`,
    );
}

function* watchSignals(sh: Shell): Proc<void> {
  const { sys } = sh;
  yield* installInterrupt(sh);
  for (const sig of [SIGTERM, SIGQUIT]) {
    yield* sys.rt_sigaction(sig, { handler: SIG_IGN, flags: 0, mask: 0n });
    sh.traps.installed.add(sig);
  }
  // Children that end while the prompt waits are buried at once.
  yield* sys.rt_sigaction(SIGCHLD, {
    handler: function* () {
      if (!sh.jobs.waiting) yield* sh.jobs.poll(sh.options.monitor);
    },
    flags: SA_RESTART,
    mask: 0n,
  });
  yield* sys.rt_sigaction(SIGWINCH, {
    handler: function* () {
      sh.resized = true;
      yield* measure(sh);
    },
    flags: 0,
    mask: 0n,
  });
  sh.traps.installed.add(SIGCHLD);
  sh.traps.installed.add(SIGWINCH);
  yield* measure(sh);
}

/** LINES and COLUMNS. */
function* measure(sh: Shell): Proc<void> {
  if (sh.terminal < 0 || sh.flavour !== "bash") return;
  const size = yield* sh.sys.ioctl(sh.terminal, "TIOCGWINSZ");
  if (size.rows > 0) sh.set("LINES", String(size.rows));
  if (size.cols > 0) sh.set("COLUMNS", String(size.cols));
}

type Read = { readonly kind: "text"; readonly text: string } | { readonly kind: "end" } | { readonly kind: "again" };

function* loop(sh: Shell, editor: Editor | undefined): Proc<number> {
  let line = 1;
  for (let ends = 0; ; ) {
    sh.line = line;
    yield* notify(sh);
    const read = yield* readCommand(sh, editor);
    if (read.kind === "again") continue;
    if (read.kind === "end") {
      if (sh.options.has("ignoreeof") && ++ends < 10) {
        yield* sh.eprint(`Use "${sh.login ? "logout" : "exit"}" to leave the shell.\n`);
        continue;
      }
      if (yield* mayLeave(sh)) return sh.status;
      continue;
    }
    sh.warnsNow = false;
    // dash counts the lines that were typed.
    yield* runCommand(sh, read.text, sh.flavour === "dash" ? line : 1);
    line += read.text.split("\n").length - 1;
    if (!sh.warnsNow) sh.warnedOfJobs = false;
  }
}

/** At the end of the input: says so, and warns once of stopped jobs. */
function* mayLeave(sh: Shell): Proc<boolean> {
  if (sh.flavour === "bash") yield* sh.eprint(sh.login ? "logout\n" : "exit\n");
  else yield* sh.eprint("\n");
  const stopped = sh.jobs.list.some((j) => j.processes.some((p) => p.stopped));
  if (!stopped || sh.warnedOfJobs) return true;
  sh.warnedOfJobs = true;
  yield* sh.eprint(sh.flavour === "bash" ? "There are stopped jobs.\n" : "You have stopped jobs.\n");
  return false;
}

function* runCommand(sh: Shell, text: string, first: number): Proc<void> {
  const depth = sh.vars.depth;
  try {
    yield* runText(sh, text, "main", false, first);
  } catch (e) {
    sh.vars.pop(depth);
    if (e instanceof Interrupted) {
      if (!e.told) yield* sh.eprint("\n");
      sh.status = 130;
      sh.pipeStatus = [130];
    } else if (e instanceof ShellError) {
      yield* sh.complain(e);
      sh.status = e.status;
    } else throw e;
  }
  sh.jump = "none";
  sh.conditionDepth = 0;
  sh.loopDepth = 0;
  sh.functionDepth = 0;
  sh.callStack.length = 0;
  sh.interrupted = false;
  yield* giveTerminal(sh, yield* sh.sys.getpgid(0));
}

/** One complete command, over as many lines as it takes. */
function* readCommand(sh: Shell, editor: Editor | undefined): Proc<Read> {
  let text = "";
  for (;;) {
    const first = text === "";
    if (first && sh.flavour === "bash") yield* runPromptCommand(sh);
    const prompt = yield* expandPrompt(sh, sh.get(first ? "PS1" : "PS2") ?? "");
    const line = yield* readLine(sh, editor, prompt);
    if (line.kind === "again") return line;
    if (line.kind === "end") {
      if (first) return line;
      text += "\n";
      yield* runText(sh, text, "main");
      return { kind: "again" };
    }
    let typed = line.text;
    if (sh.options.has("histexpand")) {
      const expanded = yield* expandLine(sh, typed);
      if (expanded === undefined) return { kind: "again" };
      typed = expanded;
    }
    text += `${typed}\n`;
    const source = sh.aliases.size > 0 && expandsAliases(sh) ? expandAliases(text, sh.aliases) : text;
    if (parseSource(source).incomplete) continue;
    remember(sh, text.slice(0, -1));
    return { kind: "text", text };
  }
}

function* expandLine(sh: Shell, typed: string): Proc<string | undefined> {
  try {
    const expanded = expandHistory(sh.history, typed);
    if (expanded === undefined) return typed;
    yield* sh.eprint(`${expanded.text}\n`);
    if (!expanded.print) return expanded.text;
    remember(sh, expanded.text);
    return undefined;
  } catch (e) {
    if (!(e instanceof HistoryError)) throw e;
    yield* sh.eprint(`${sh.arg0}: ${e.message}\n`);
    return undefined;
  }
}

function remember(sh: Shell, text: string): void {
  if (text.trim() === "" || sh.flavour === "dash") return;
  const size = sh.get("HISTSIZE");
  // Lines of one command are kept as one entry, joined as `cmdhist` does where that keeps the meaning.
  const entry = /<<|['"]/.test(text)
    ? text
    : text
        .replace(/\\\n/g, "")
        .replace(/([^;&|({]|\bdo|\bthen|\belse)\n/g, (_, c: string) => (/^(do|then|else)$/.test(c) ? `${c} ` : `${c}; `))
        .replace(/\n/g, " ");
  sh.history.add(
    entry.replace(/\b(do|then|else); /g, "$1 "),
    sh.get("HISTCONTROL") ?? "",
    size === undefined || !/^[0-9]+$/.test(size) ? 100_000 : Number(size),
  );
}

function* runPromptCommand(sh: Shell): Proc<void> {
  const v = sh.vars.find("PROMPT_COMMAND");
  if (v === undefined) return;
  const { status, pipeStatus } = sh;
  for (const text of v.array ?? (v.value === undefined ? [] : [v.value])) {
    try {
      yield* runText(sh, text, "eval", false, sh.line);
    } catch (e) {
      if (e instanceof ShellError) yield* sh.complain(e);
      else if (!(e instanceof Interrupted)) throw e;
    }
  }
  sh.status = status;
  sh.pipeStatus = pipeStatus;
}

function* readLine(sh: Shell, editor: Editor | undefined, prompt: string): Proc<Read> {
  if (editor !== undefined) {
    const r = yield* editor.readLine(prompt);
    if (r.kind === "line") return { kind: "text", text: r.text };
    if (r.kind === "end") return r;
    sh.status = 130;
    return { kind: "again" };
  }
  yield* sh.eprint(prompt.replace(/[\x01\x02]/g, ""));
  try {
    const line = yield* readSourceLine(sh);
    if (line === undefined) return { kind: "end" };
    return { kind: "text", text: line.endsWith("\n") ? line.slice(0, -1) : line };
  } catch (e) {
    if (e instanceof Interrupted) {
      yield* sh.eprint("\n");
      sh.status = 130;
      return { kind: "again" };
    }
    if (e instanceof Errno && e !== EINTR) return { kind: "end" };
    throw e;
  }
}
