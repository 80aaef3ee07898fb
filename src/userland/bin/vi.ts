/**
 * vi(1): an editor in the manner of vim-tiny 9.0 and of busybox's vi. The text, the commands and the window are pure code in
 * `userland/vi/`. Left out: windows and tabs, folds, block selection, swap files, scripts, syntax.
 */

import { ENOTTY } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Executable } from "../executable.ts";
import { type Command, command } from "../libc/command.ts";
import { help } from "../libc/help.ts";
import { isatty } from "../libc/stdio.ts";
import { Terminal, withTerminal } from "../tui/terminal.ts";
import { Editor } from "../vi/editor.ts";
import { Session } from "../vi/session.ts";

const text = help(
  `vi [arguments] [file ..]       edit specified file(s)

Arguments:
   -R			Readonly mode (like "view")
   -c <command>		Execute <command> after loading the first file
   +<lnum>		Start at line <lnum>
   +<command>		As -c
   -h  or  --help	Print Help (this message) and exit
   --version		Print version information and exit`,
  `vi [-c CMD] [-R] [FILE]...

Edit FILE

	-c CMD	Initial command to run
	-R	Read-only`,
);

function* main(c: Command): Proc<number> {
  const commands: string[] = [];
  const files: string[] = [];
  let readonly = c.name === "view";
  for (let i = 0; i < c.args.length; i++) {
    const word = c.args[i] as string;
    if (word === "--") {
      files.push(...c.args.slice(i + 1));
      break;
    }
    if (word === "-R") readonly = true;
    else if (word === "-c") commands.push(c.args[++i] ?? "");
    else if (word.startsWith("+")) commands.push(word === "+" ? "$" : word.slice(1));
    else if (word === "-h" || word === "--help") return yield* c.help();
    else if (word === "--version") {
      yield* c.print("VIM - Vi IMproved 9.0 (2022 Jun 28): the part of it that Drydock has\n");
      return 0;
    } else if (word.startsWith("-") && word.length > 1) {
      yield* c.eprint(`Unknown option argument: "${word}"\nMore info with: "vi -h"\n`);
      return 1;
    } else files.push(word);
  }
  if (!(yield* isatty(c.sys, 0))) {
    yield* c.eprint("Vim: Warning: Input is not from a terminal\n");
    return 1;
  }
  const editor = new Editor(c.voice === "busybox");
  const terminal = new Terminal(c.sys, 0, 1);
  const session = new Session(c, terminal, editor, files);
  try {
    return yield* withTerminal(terminal, true, () => session.run(commands, readonly));
  } catch (e) {
    if (e !== ENOTTY) throw e;
    yield* c.eprint("Vim: Warning: Output is not to a terminal\n");
    return 1;
  }
}

export const vi: Executable = {
  name: "vi",
  main: command({ help: text }, main),
  paths: ["/usr/bin/vim.tiny"],
  needed: ["libm.so.6", "libtinfo.so.6", "libselinux.so.1", "libacl.so.1", "libc.so.6"],
  sizeBytes: 1629584,
  applet: "/bin/vi",
};
