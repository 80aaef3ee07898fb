/** socat(1): see `userland/socat/main.ts`, which comes as a chunk of its own. */

import type { Executable } from "../executable.ts";

export const socat: Executable = {
  name: "socat",
  load: () => import("../socat/main.ts"),
  paths: ["/usr/bin/socat"],
  needed: ["libwrap.so.0", "libssl.so.3", "libcrypto.so.3", "libc.so.6"],
  sizeBytes: 411624,
};
