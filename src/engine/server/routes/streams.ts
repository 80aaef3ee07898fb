/** Attach and logs: what containers write, live and kept. */

import type { Proc } from "../../../abi/sys.ts";
import { encodeUtf8 } from "../../../abi/utf8.ts";
import { AttachSession, parseDetachKeys } from "../../containers/attach.ts";
import type { Container } from "../../containers/container.ts";
import type { Containers } from "../../containers/containers.ts";
import { parseTime } from "../../containers/inspect.ts";
import { shimOf } from "../../containers/lifecycle.ts";
import { type LogEntry, readLog } from "../../containers/log.ts";
import { ShimError, ShimGone } from "../../containers/shim-client.ts";
import { conflict, EngineError, invalidParameter, notImplemented } from "../../errors.ts";
import { parseTimestamp } from "../../timestamp.ts";
import { watchForEnd } from "../connection.ts";
import type { Exchange } from "../exchange.ts";
import { frame } from "../stdcopy.ts";

const all = ({ daemon }: Exchange): Containers => daemon.containers as Containers;
const RAW = "application/vnd.docker.raw-stream";

/** Errors are told on the connection, which has become a stream already. */
export function* attachContainer(x: Exchange): Proc<void> {
  try {
    yield* attach(x);
  } catch (e) {
    if (!(e instanceof EngineError) || x.answered) throw e;
    yield* x.hijackedError(e, RAW);
  }
}

function* attach(x: Exchange): Proc<void> {
  const container = all(x).require(x.var("name"));
  if (container.paused) throw conflict(`Container ${container.id} is paused, unpause the container before attach.`);
  if (container.restarting) throw conflict(`Container ${container.id} is restarting, wait until the container is running.`);
  const detachKeys = parseDetachKeys(x.query.get("detachKeys"));
  const { Tty: tty, OpenStdin, StdinOnce } = container.config;
  const wanted = { stdin: x.flag("stdin"), stdout: x.flag("stdout"), stderr: x.flag("stderr") };
  const logs = x.flag("logs");
  const stream = x.flag("stream");
  const { input, output } = yield* x.hijack(RAW);
  if (logs && container.hostConfig.LogConfig.Type !== "none")
    for (const entry of yield* readLog(x.daemon, container.logPath))
      if (wanted[entry.stream]) yield* output.write(tty ? encodeUtf8(entry.log) : frame(entry.stream, encodeUtf8(entry.log)));
  yield* all(x).event(container, "attach");
  if (!stream) return;
  const session = new AttachSession({
    daemon: x.daemon,
    hub: container.streams,
    input,
    output,
    ...wanted,
    stdin: wanted.stdin && OpenStdin,
    tty,
    framed: !tty,
    detachKeys,
    closeStdin: StdinOnce ? () => closeStdin(container) : undefined,
    ready: () => ready(container),
  });
  if (yield* session.run()) yield* all(x).event(container, "detach");
}

/** A container may be attached to before it is started. */
function* ready(container: Container): Proc<boolean> {
  while (!container.streams.hasStdin && container.phase === "created" && !container.removed) yield* container.changed.wait();
  return container.streams.hasStdin;
}

function* closeStdin(container: Container): Proc<void> {
  yield* container.streams.closeStdin();
  try {
    yield* shimOf(container).ask({ method: "closeStdin" });
  } catch (e) {
    if (!(e instanceof ShimError || e instanceof ShimGone)) throw e;
  }
}

export function* containerLogs(x: Exchange): Proc<void> {
  const container = all(x).require(x.var("name"));
  const wanted = { stdout: x.flag("stdout"), stderr: x.flag("stderr") };
  if (!wanted.stdout && !wanted.stderr) throw invalidParameter("Bad parameters: you must choose at least one stream");
  if (container.hostConfig.LogConfig.Type === "none") throw notImplemented("configured logging driver does not support reading");
  const since = parseTimestamp(x.query.get("since")) ?? Number.NEGATIVE_INFINITY;
  // 0 is no end for logs, and one in the past for events.
  const until = parseTimestamp(x.query.get("until")) || Number.POSITIVE_INFINITY;
  const tailText = x.query.get("tail") ?? "all";
  const tail = /^\d+$/.test(tailText) ? Number(tailText) : Number.POSITIVE_INFINITY;
  const tty = container.config.Tty;
  const encode = (entry: LogEntry): Uint8Array => {
    const details = x.flag("details") ? `${detailsOf(entry)} ` : "";
    const text = encodeUtf8(`${x.flag("timestamps") ? `${fixedTime(entry.time)} ` : ""}${details}${entry.log}`);
    return tty ? text : frame(entry.stream, text);
  };
  const driver = x.flag("follow") ? container.log : undefined;
  const following = yield* driver?.follow() ?? none();
  const past = following?.past ?? (yield* readLog(x.daemon, container.logPath));
  const chosen = past.filter((entry) => parseTime(entry.time) >= since && parseTime(entry.time) <= until);
  // Told from 1.42 on.
  const type = x.apiVersion < 42 ? undefined : tty ? RAW : "application/vnd.docker.multiplexed-stream";
  const stream = yield* x.streaming(200, type);
  try {
    for (const entry of tail === 0 ? [] : chosen.slice(-Math.min(tail, chosen.length)))
      if (wanted[entry.stream]) yield* stream.write(encode(entry));
    if (following === undefined || driver === undefined) {
      yield* stream.end();
      return;
    }
    const watch = yield* watchForEnd(x, () => following.channel.close());
    for (;;) {
      const leftNs = Number.isFinite(until) ? until - (yield* x.daemon.now()) : undefined;
      if (leftNs !== undefined && leftNs <= 0) break;
      const entry = yield* following.channel.receive(leftNs);
      if (entry === undefined) break;
      if (wanted[entry.stream]) yield* stream.write(encode(entry));
    }
    yield* watch.stop();
    if (!x.finished) yield* stream.end();
  } finally {
    if (following !== undefined) driver?.leave(following.channel);
  }
}

function* none(): Proc<undefined> {
  return undefined;
}

/** Nine digits always, so that lines stand in columns. */
const fixedTime = (time: string): string => {
  const [whole = "", fraction = ""] = time.replace(/Z$/, "").split(".");
  return `${whole}.${fraction.padEnd(9, "0")}Z`;
};

const detailsOf = ({ attrs }: LogEntry): string =>
  Object.entries(attrs ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join(",");
