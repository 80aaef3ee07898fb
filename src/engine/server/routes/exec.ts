/** /exec, and /containers/{name}/exec. */

import type { Proc } from "../../../abi/sys.ts";
import { encodeUtf8 } from "../../../abi/utf8.ts";
import type { ExecCreateBody, ExecStartBody } from "../../api/exec.ts";
import { AttachSession, parseDetachKeys } from "../../containers/attach.ts";
import type { Containers } from "../../containers/containers.ts";
import { createExec, type Exec, requireExec, requireStartable, startExec } from "../../containers/exec.ts";
import { shimOf } from "../../containers/lifecycle.ts";
import { ShimError, ShimGone } from "../../containers/shim-client.ts";
import { invalidParameter, isFailure, notFound, systemError, wordsOf } from "../../errors.ts";
import type { Exchange } from "../exchange.ts";
import type { Route } from "../router.ts";
import { frame } from "../stdcopy.ts";

const all = ({ daemon }: Exchange): Containers => daemon.containers as Containers;

export const execRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/containers/{name:.*}/exec",
    *handler(x) {
      const body = yield* x.json<ExecCreateBody>();
      const container = all(x).require(x.var("name"));
      if (body === undefined) throw systemError("EOF");
      const { id } = yield* createExec(all(x), container, body, x.var("name"));
      yield* x.send(201, { Id: id });
    },
  },
  {
    method: "GET",
    path: "/exec/{id:.*}/json",
    *handler(x) {
      yield* x.send(200, requireExec(all(x), x.var("id")).inspect());
    },
  },
  { method: "POST", path: "/exec/{id:.*}/start", handler: start },
  { method: "POST", path: "/exec/{id:.*}/resize", handler: resize },
];

function* start(x: Exchange): Proc<void> {
  const body = (yield* x.json<ExecStartBody>()) ?? {};
  const exec = requireExec(all(x), x.var("id"));
  requireStartable(exec);
  if (body.Detach === true) {
    yield* startExec(all(x), exec);
    yield* x.empty(200);
    return;
  }
  const { config, tty } = exec;
  const keys = parseDetachKeys(config.DetachKeys);
  const { input, output } = yield* x.hijack("application/vnd.docker.raw-stream");
  const session = new AttachSession({
    daemon: x.daemon,
    hub: exec.streams,
    input,
    output,
    stdin: config.AttachStdin === true,
    stdout: config.AttachStdout === true,
    stderr: config.AttachStderr === true,
    tty,
    framed: !tty,
    detachKeys: keys,
    closeStdin: () => closeStdin(exec),
    ready: () => ready(exec),
  });
  try {
    yield* startExec(all(x), exec);
  } catch (e) {
    if (!isFailure(e)) throw e;
    const text = encodeUtf8(`${wordsOf(e)}\r\n`);
    yield* output.write(tty ? text : frame("stdout", text));
    yield* x.daemon.log("error", `Error running exec ${exec.id} in container: ${wordsOf(e)}`);
    return;
  }
  const detached = yield* session.run();
  if (detached) yield* all(x).event(exec.container, "exec_detach", { execID: exec.id });
  else while (exec.state === "running" && !exec.streams.active) yield* exec.changed.wait();
}

function* ready(exec: Exec): Proc<boolean> {
  while (!exec.streams.hasStdin && exec.state === "created") yield* exec.changed.wait();
  return exec.streams.hasStdin;
}

function* closeStdin(exec: Exec): Proc<void> {
  yield* exec.streams.closeStdin();
  try {
    yield* shimOf(exec.container).ask({ method: "closeStdin", exec: exec.id });
  } catch (e) {
    if (!(e instanceof ShimError || e instanceof ShimGone)) throw e;
  }
}

function* resize(x: Exchange): Proc<void> {
  const number = (name: string): number => {
    const text = x.query.get(name) ?? "";
    if (!/^\d+$/.test(text)) throw invalidParameter(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
    return Number(text);
  };
  const size = { rows: number("h"), cols: number("w") };
  const exec = requireExec(all(x), x.var("id"));
  if (exec.state === "created") exec.terminalSize = size;
  else if (exec.state === "exited") throw notFound("no such exec");
  else
    try {
      yield* shimOf(exec.container).ask({ method: "resize", exec: exec.id, ...size });
    } catch (e) {
      if (!(e instanceof ShimError || e instanceof ShimGone)) throw e;
    }
  yield* x.empty(200);
}
