/**
 * containerd-shim-runc-v2: the parent of one container. It has its streams, waits for its processes, and stays when dockerd goes away. dockerd starts it with the bundle as its working directory
 * and its listening socket as descriptor 3. containerd `cmd/containerd-shim-runc-v2`; one that runs alone serves all of `protocol.ts`.
 */

import { ECONNABORTED, EINTR, Errno } from "../../abi/errno.ts";
import { PR_SET_CHILD_SUBREAPER } from "../../abi/sched.ts";
import { SIG_BLOCK, SIG_IGN, SIGCHLD, SIGINT, SIGPIPE, SIGTERM, sigSet } from "../../abi/signal.ts";
import { SOCK_CLOEXEC } from "../../abi/socket.ts";
import type { Proc, Program, Sys } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import { SocketStream } from "../../userland/libc/inet.ts";
import { writeAll } from "../../userland/libc/stdio.ts";
import { startThread } from "../sync.ts";
import type { ShimAnswer, ShimRequest } from "./protocol.ts";
import { Task, TaskError } from "./task.ts";

const LISTENER = 3;

export const main: Program = function* (sys, argv) {
  const value = (name: string): string | undefined => {
    const at = argv.findIndex((word) => word === `-${name}` || word === `--${name}`);
    return at < 0 ? undefined : argv[at + 1];
  };
  const id = value("id");
  const namespace = value("namespace");
  const runcRoot = value("runc-root");
  if (id === undefined || namespace === undefined || runcRoot === undefined) {
    yield* writeAll(
      sys,
      2,
      encodeUtf8("containerd-shim-runc-v2: it is for dockerd to start it: -namespace, -id and -runc-root are wanted\n"),
    );
    return 1;
  }
  yield* sys.prctl(PR_SET_CHILD_SUBREAPER, 1);
  yield* sys.rt_sigprocmask(SIG_BLOCK, sigSet(SIGCHLD, SIGTERM, SIGINT));
  yield* sys.rt_sigaction(SIGCHLD, { handler: function* () {}, flags: 0, mask: 0n });
  yield* sys.rt_sigaction(SIGPIPE, { handler: SIG_IGN, flags: 0, mask: 0n });
  const task = new Task(sys, id, yield* sys.getcwd(), `${runcRoot}/${namespace}`);
  yield* startThread(sys, () => acceptAll(sys, task));
  return yield* task.reap();
};

function* acceptAll(sys: Sys, task: Task): Proc<number> {
  for (;;) {
    try {
      const { fd } = yield* sys.accept4(LISTENER, SOCK_CLOEXEC);
      yield* startThread(sys, () => serve(sys, task, fd));
    } catch (e) {
      if (e !== EINTR && e !== ECONNABORTED) throw e;
    }
  }
}

function* serve(sys: Sys, task: Task, fd: number): Proc<number> {
  const stream = new SocketStream(sys, fd);
  let text = "";
  try {
    for (;;) {
      const some = yield* stream.read();
      if (some === undefined) break;
      text += decodeUtf8(some);
      for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
        const request = JSON.parse(text.slice(0, end)) as ShimRequest;
        text = text.slice(end + 1);
        yield* stream.write(encodeUtf8(`${JSON.stringify(yield* answer(task, request))}\n`));
        if (request.method === "shutdown") yield* sys.exit_group(0);
      }
    }
  } catch (e) {
    // dockerd has gone.
    if (!(e instanceof Errno)) throw e;
  }
  yield* stream.close();
  return 0;
}

function* answer(task: Task, request: ShimRequest): Proc<ShimAnswer> {
  try {
    return yield* act(task, request);
  } catch (e) {
    if (e instanceof TaskError) return { error: e.message };
    if (e instanceof Errno) return { error: e.message.toLowerCase() };
    throw e;
  }
}

function* act(task: Task, request: ShimRequest): Proc<ShimAnswer> {
  switch (request.method) {
    case "create":
      return { pid: yield* task.create(request.streams) };
    case "start":
      yield* task.start();
      return {};
    case "exec":
      return { pid: yield* task.exec(request.exec, request.process, request.streams) };
    case "kill":
      yield* task.kill(request.exec, request.signal, request.all === true);
      return {};
    case "pause":
      yield* task.pause();
      return {};
    case "resume":
      yield* task.resume();
      return {};
    case "resize":
      yield* task.resize(request.exec, request.rows, request.cols);
      return {};
    case "closeStdin":
      yield* task.closeStdin(request.exec);
      return {};
    case "update":
      yield* task.update(request.resources);
      return {};
    case "state":
      return { state: task.state() };
    case "wait":
      return { exit: yield* task.wait(request.exec) };
    case "delete":
      yield* task.delete(request.exec);
      return {};
    case "shutdown":
      yield* task.abort();
      return {};
  }
}
