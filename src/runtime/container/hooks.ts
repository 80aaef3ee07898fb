/** Hooks: programs that the configuration asks to be run at points of a container's life, with its state on their standard input. */

import { Errno } from "../../abi/errno.ts";
import { O_CLOEXEC } from "../../abi/fcntl.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { wExitStatus, wIfExited } from "../../abi/wait.ts";
import { Input } from "../../userland/libc/stdio.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import { goError, RuncError } from "../error.ts";
import type { Hook, State } from "../spec.ts";

/** Runs them one after the other. Errors: RuncError at the first that fails. */
export function* runHooks(sys: Sys, hooks: readonly Hook[] | undefined, state: State): Proc<void> {
  for (const [i, hook] of (hooks ?? []).entries()) yield* runHook(sys, hook, state, i);
}

function* runHook(sys: Sys, hook: Hook, state: State, index: number): Proc<void> {
  const input = yield* sys.pipe2(O_CLOEXEC);
  const output = yield* sys.pipe2(O_CLOEXEC);
  const env = new Map((hook.env ?? []).map((entry) => entry.split(/=(.*)/s, 2) as [string, string]));
  const pid = yield* sys.fork(function* () {
    yield* sys.dup2(input[0], 0);
    yield* sys.dup2(output[1], 1);
    yield* sys.dup2(output[1], 2);
    try {
      yield* sys.execve(hook.path, hook.args ?? [hook.path], env);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      yield* sys.write(1, encodeUtf8(`fork/exec ${hook.path}: ${goError(e)}`));
    }
    return 127;
  });
  yield* sys.close(input[0]);
  yield* sys.close(output[1]);
  yield* sys.write(input[1], encodeUtf8(JSON.stringify(state)));
  yield* sys.close(input[1]);
  const said = decodeUtf8(yield* new Input(sys, output[0]).readAll());
  yield* sys.close(output[0]);
  const { status } = yield* sys.wait4(pid, 0);
  if (status === 0) return;
  if (said.startsWith("fork/exec ")) throw new RuncError(`error running hook #${index}: ${said}`);
  const how = wIfExited(status) ? `exit status ${wExitStatus(status)}` : `signal: ${status & 0x7f}`;
  throw new RuncError(`error running hook #${index}: error running hook: ${how}, stdout: ${said}, stderr: `);
}
