/** The daemon's end of a shim: starts it, asks it, and finds it again. moby `libcontainerd/remote`, containerd `runtime/v2/shim.go`. */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { ECONNREFUSED, ENOENT, Errno } from "../../abi/errno.ts";
import { F_DUPFD, O_APPEND, O_CREAT, O_RDONLY, O_WRONLY } from "../../abi/fcntl.ts";
import { SIG_SETMASK } from "../../abi/signal.ts";
import { AF_UNIX, SOCK_CLOEXEC, SOCK_STREAM } from "../../abi/socket.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import { SocketStream } from "../../userland/libc/inet.ts";
import { DEFAULT_PATH, open, optional, unlink } from "../../userland/libc/unistd.ts";
import { systemError } from "../errors.ts";
import { makeDirs, removeAll, writeAtomically } from "../files.ts";
import type { ShimAnswer, ShimRequest } from "../shim/protocol.ts";

const NAMESPACE = "moby";
const SOCKETS = "/run/containerd/s";
const ADDRESS = "/run/containerd/containerd.sock";

/** Why a shim did not do what it was asked: in the words of runc. */
export class ShimError extends Error {}

/** There is no shim behind the socket. */
export class ShimGone extends Error {}

export class ShimClient {
  /** Holds config.json; the shim's working directory. */
  readonly bundle: string;
  private readonly socket: string;

  constructor(
    private readonly sys: Sys,
    private readonly execRoot: string,
    readonly id: string,
  ) {
    this.bundle = `/run/containerd/io.containerd.runtime.v2.task/${NAMESPACE}/${id}`;
    this.socket = `${SOCKETS}/${bytesToHex(sha256(encodeUtf8(`${ADDRESS}/${NAMESPACE}/${id}`)))}`;
  }

  /** Makes the bundle with its configuration and starts the shim in it. */
  *launch(config: string): Proc<void> {
    const { sys, bundle, socket } = this;
    yield* removeAll(sys, bundle);
    yield* makeDirs(sys, bundle, 0o711);
    yield* makeDirs(sys, SOCKETS, 0o711);
    yield* writeAtomically(sys, `${bundle}/config.json`, config, 0o644);
    yield* writeAtomically(sys, `${bundle}/address`, `unix://${socket}`, 0o644);
    yield* optional(unlink(sys, socket));
    const listener = yield* sys.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    yield* sys.bind(listener, { family: AF_UNIX, path: socket });
    yield* sys.listen(listener, 128);
    // The process in between ends at once, so that the shim is a child of init and nobody's else.
    const middle = yield* sys.fork(() => this.fork(listener));
    yield* sys.close(listener);
    yield* sys.wait4(middle, 0);
  }

  private *fork(listener: number): Proc<number> {
    yield* this.sys.fork(() => this.become(listener));
    return 0;
  }

  private *become(listener: number): Proc<number> {
    const { sys } = this;
    yield* sys.rt_sigprocmask(SIG_SETMASK, 0n);
    yield* sys.setsid();
    yield* sys.chdir(this.bundle);
    const nothing = yield* open(sys, "/dev/null", O_RDONLY);
    const log = yield* open(sys, `${this.bundle}/log`, O_WRONLY | O_CREAT | O_APPEND, 0o600);
    // Out of the way of the numbers that they are to have.
    const high = [nothing, log, log, listener];
    for (const [i, fd] of high.entries()) high[i] = yield* sys.fcntl(fd, F_DUPFD, 100);
    for (const [i, fd] of high.entries()) yield* sys.dup2(fd, i);
    yield* sys.close_range(4, 0xffffffff, 0);
    const argv = ["/usr/bin/containerd-shim-runc-v2", "-namespace", NAMESPACE, "-id", this.id, "-address", ADDRESS];
    try {
      const root = `${this.execRoot}/runtime-runc`;
      return yield* sys.execve("/usr/bin/containerd-shim-runc-v2", [...argv, "-runc-root", root], new Map([["PATH", DEFAULT_PATH]]));
    } catch (e) {
      if (e instanceof Errno) return 127;
      throw e;
    }
  }

  /** Blocks until it is answered. Errors: ShimError, ShimGone. */
  *ask(request: ShimRequest): Proc<ShimAnswer> {
    const { sys } = this;
    const fd = yield* sys.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    try {
      yield* sys.connect(fd, { family: AF_UNIX, path: this.socket });
      const stream = new SocketStream(sys, fd);
      // In ASCII: pieces may be cut anywhere.
      const text = JSON.stringify(request).replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
      yield* stream.write(encodeUtf8(`${text}\n`));
      let line = "";
      while (!line.endsWith("\n")) {
        const some = yield* stream.read();
        if (some === undefined) throw new ShimGone();
        line += decodeUtf8(some);
      }
      const answer = JSON.parse(line) as ShimAnswer;
      if (answer.error !== undefined) throw new ShimError(answer.error);
      return answer;
    } catch (e) {
      if (e === ECONNREFUSED || e === ENOENT) throw new ShimGone();
      if (e instanceof Errno) throw systemError(`shim: ${e.message.toLowerCase()}`);
      throw e;
    } finally {
      yield* sys.close(fd);
    }
  }

  /** Ends the shim, if there is one, and removes the bundle. */
  *dismiss(): Proc<void> {
    try {
      yield* this.ask({ method: "delete" });
    } catch (e) {
      if (!(e instanceof ShimError || e instanceof ShimGone)) throw e;
    }
    try {
      yield* this.ask({ method: "shutdown" });
    } catch (e) {
      if (!(e instanceof ShimError || e instanceof ShimGone)) throw e;
    }
    yield* optional(unlink(this.sys, this.socket));
    yield* removeAll(this.sys, this.bundle);
  }
}
