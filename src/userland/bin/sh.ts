/** dash(1), which Debian calls sh; busybox's shell goes by the names sh and ash. */

import type { Executable } from "../executable.ts";
import { shell } from "../sh/main.ts";

export const dash: Executable = {
  name: "dash",
  paths: ["/usr/bin/dash", "/usr/bin/sh"],
  sizeBytes: 125640,
  main: shell("dash"),
};

export const sh: Executable = {
  name: "sh",
  applet: "/bin/sh",
  main: shell("dash"),
};

export const ash: Executable = {
  name: "ash",
  applet: "/bin/ash",
  main: shell("dash"),
};
