/** What runs where an image has a file of a program that is not built yet: it says so, and fails as a command that is not found. */

import { encodeUtf8 } from "../../abi/utf8.ts";
import type { Executable } from "../executable.ts";
import { writeAll } from "../libc/stdio.ts";
import { basename } from "../libc/unistd.ts";

export const notHere: Executable = {
  name: "not-here",
  *main(sys, argv) {
    const name = basename(argv[0] ?? "");
    yield* writeAll(sys, 2, encodeUtf8(`${name}: not in Drydock yet: the image has its file, the machine has no program for it\n`));
    return 127;
  },
};
