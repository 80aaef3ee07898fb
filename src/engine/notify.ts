/** sd_notify(3): tells whoever started the daemon that it is ready. */

import { Errno } from "../abi/errno.ts";
import { AF_UNIX, MSG_NOSIGNAL, SOCK_CLOEXEC, SOCK_DGRAM } from "../abi/socket.ts";
import type { Env, Proc, Sys } from "../abi/sys.ts";
import { encodeUtf8 } from "../abi/utf8.ts";

export function* notifyReady(sys: Sys, env: Env): Proc<void> {
  const path = env.get("NOTIFY_SOCKET");
  if (path === undefined || path === "") return;
  const fd = yield* sys.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  try {
    yield* sys.sendmsg(fd, encodeUtf8("READY=1"), MSG_NOSIGNAL, { family: AF_UNIX, path });
  } catch (e) {
    // Nobody waits any more.
    if (!(e instanceof Errno)) throw e;
  }
  yield* sys.close(fd);
}
