/** The serving of one connection, and of all that come to a listening socket: a thread each. Go's net/http server. */

import { EBADF, ECONNABORTED, EINTR, EINVAL, EMFILE, Errno } from "../../abi/errno.ts";
import { POLLIN, POLLRDHUP } from "../../abi/poll.ts";
import { SOCK_CLOEXEC } from "../../abi/socket.ts";
import type { Proc } from "../../abi/sys.ts";
import { HttpError, HttpReader } from "../../userland/libc/http.ts";
import { SocketStream } from "../../userland/libc/inet.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import type { Daemon } from "../daemon.ts";
import { startThread } from "../sync.ts";
import { Exchange } from "./exchange.ts";
import type { Router } from "./router.ts";

/** Accepts until the socket is closed. Blocks. */
export function* serveListener(daemon: Daemon, router: Router, listener: number): Proc<void> {
  const { sys } = daemon;
  for (;;) {
    let fd: number;
    try {
      ({ fd } = yield* sys.accept4(listener, SOCK_CLOEXEC));
    } catch (e) {
      if (e === EINTR || e === ECONNABORTED) continue;
      if (e === EBADF || e === EINVAL) return;
      if (e !== EMFILE) throw e;
      yield* sys.nanosleep(5e6);
      continue;
    }
    yield* startThread(sys, () => serveConnection(daemon, router, fd));
  }
}

function* serveConnection(daemon: Daemon, router: Router, fd: number): Proc<number> {
  const { sys } = daemon;
  const stream = new SocketStream(sys, fd);
  const reader = new HttpReader(stream);
  try {
    yield* serveRequests(daemon, router, reader, stream);
  } catch (e) {
    // A client that went away, or one that does not speak HTTP.
    if (e instanceof HttpError) yield* refuse(stream, e);
    else if (!(e instanceof Errno)) throw e;
  }
  yield* stream.close();
  return 0;
}

function* refuse(stream: SocketStream, { status, message }: HttpError): Proc<void> {
  const text = status === 400 ? `400 Bad Request${message.includes("Host") ? `: ${message}` : ""}` : `${status} ${message}`;
  try {
    yield* stream.write(encodeUtf8(`HTTP/1.1 ${text}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${text}`));
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
  }
}

function* serveRequests(daemon: Daemon, router: Router, reader: HttpReader, stream: SocketStream): Proc<void> {
  for (;;) {
    const head = yield* reader.requestHead();
    if (head === undefined) return;
    const url = head.target.replace(/^[a-z]+:\/\/[^/]*/, "");
    const question = url.indexOf("?");
    const [path, query] = question < 0 ? [url, ""] : [url.slice(0, question), url.slice(question + 1)];
    const x = new Exchange(daemon, head, reader, stream, path, query);
    if ((head.headers.get("Expect") ?? "").toLowerCase() === "100-continue")
      yield* stream.write(encodeUtf8("HTTP/1.1 100 Continue\r\n\r\n"));
    yield* router.serve(x);
    if (!x.keepAlive) return;
    for (let some = yield* x.body.read(); some !== undefined; ) some = yield* x.body.read();
  }
}

/** A thread that waits for the client to go away while an answer is being made; calls `gone` then. stop() ends it. */
export function* watchForEnd(x: Exchange, gone: () => Proc<void>): Proc<{ stop(): Proc<void> }> {
  const { sys } = x.daemon;
  const [reader, writer] = yield* sys.pipe2(0o2000000);
  yield* startThread(sys, function* () {
    const fds = [
      { fd: x.stream.fd, events: POLLRDHUP, revents: 0 },
      { fd: reader, events: POLLIN, revents: 0 },
    ];
    for (;;) {
      try {
        yield* sys.poll(fds, -1);
        break;
      } catch (e) {
        if (e !== EINTR) throw e;
      }
    }
    yield* sys.close(reader);
    if (fds[0]?.revents !== 0) {
      x.finished = true;
      yield* gone();
    }
    return 0;
  });
  return {
    *stop() {
      yield* sys.close(writer);
    },
  };
}
