/** telnet(1): see `userland/telnet/main.ts`, which comes as a chunk of its own. */

import type { Executable } from "../executable.ts";

export const telnet: Executable = {
  name: "telnet",
  load: () => import("../telnet/main.ts"),
  paths: ["/usr/bin/inetutils-telnet", "/usr/bin/telnet"],
  needed: ["libtinfo.so.6", "libkrb5.so.3", "libk5crypto.so.3", "libcom_err.so.2", "libc.so.6"],
  sizeBytes: 190664,
  applet: "/usr/bin/telnet",
};
