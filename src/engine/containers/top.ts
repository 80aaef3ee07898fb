/** docker top: the host's ps, of the container's processes. moby `daemon/top_unix.go`. */

import { O_CLOEXEC } from "../../abi/fcntl.ts";
import { SIG_SETMASK } from "../../abi/signal.ts";
import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import { Input } from "../../userland/libc/stdio.ts";
import { DEFAULT_PATH, execvp, optional, readText } from "../../userland/libc/unistd.ts";
import type { ContainerTop } from "../api/container.ts";
import { conflict, systemError } from "../errors.ts";
import { Errno } from "../../abi/errno.ts";
import type { Container } from "./container.ts";
import type { Containers } from "./containers.ts";
import { cgroupsPath } from "./spec.ts";

export function* topContainer(containers: Containers, container: Container, psArgs: string): Proc<ContainerTop> {
  const { sys } = containers.daemon;
  const args = psArgs === "" ? ["-ef"] : psArgs.split(/\s+/).filter((word) => word !== "");
  if (!container.running) throw container.notRunning();
  if (container.restarting) throw conflict(`Container ${container.id} is restarting, wait until the container is running`);
  const pids = new Set(
    (((yield* optional(readText(sys, `/sys/fs/cgroup${cgroupsPath(container)}/cgroup.procs`))) ?? "").match(/\d+/g) ?? []).map(Number),
  );
  const [reader, writer] = yield* sys.pipe2(O_CLOEXEC);
  const child = yield* sys.fork(function* () {
    yield* sys.rt_sigprocmask(SIG_SETMASK, 0n);
    yield* sys.dup2(writer, 1);
    yield* sys.dup2(writer, 2);
    try {
      return yield* execvp(sys, "ps", ["ps", ...args], new Map([["PATH", DEFAULT_PATH]]));
    } catch (e) {
      if (e instanceof Errno) return 127;
      throw e;
    }
  });
  yield* sys.close(writer);
  const text = decodeUtf8(yield* new Input(sys, reader).readAll());
  yield* sys.close(reader);
  const { status } = yield* sys.wait4(child, 0);
  if (status !== 0) throw systemError(`ps: ${text.trim().split("\n")[0]}`);
  const answer = select(text, pids);
  yield* containers.event(container, "top");
  return answer;
}

/** The lines of those processes; what follows the last title is one field. Errors: system without a column PID. */
function select(text: string, pids: ReadonlySet<number>): ContainerTop {
  const [head = "", ...lines] = text.split("\n");
  const Titles = head.trim().split(/\s+/);
  const column = Titles.indexOf("PID");
  if (column < 0) throw systemError("Couldn't find PID field in ps output");
  const Processes: string[][] = [];
  for (const line of lines) {
    const words = line.trim().split(/\s+/);
    if (line.trim() === "" || !pids.has(Number(words[column]))) continue;
    const last = Titles.length - 1;
    Processes.push([...words.slice(0, last), words.slice(last).join(" ")]);
  }
  return { Processes, Titles };
}
