/** ADD of a URL: the file is fetched into a directory of its own. moby `builder/dockerfile/copy.go:downloadSource`. */

import { O_CLOEXEC, O_CREAT, O_EXCL, O_WRONLY, AT_FDCWD } from "../../abi/fcntl.ts";
import type { Proc } from "../../abi/sys.ts";
import { writeAll } from "../../userland/libc/stdio.ts";
import { open } from "../../userland/libc/unistd.ts";
import type { Daemon } from "../daemon.ts";
import { systemError } from "../errors.ts";
import { makeDirs, removeAll } from "../files.ts";
import { ProgressSource, type MessageStream } from "../images/progress.ts";
import { type Answer, get } from "../images/registry/http-client.ts";
import { Source } from "./context.ts";
import type { CopyItem } from "./copy.ts";

export interface Download {
  readonly item: CopyItem;
  close(): Proc<void>;
}

/** Errors: systemError, in the words of Go's client. Blocks. */
export function* download(daemon: Daemon, url: string, dest: string, output: MessageStream): Proc<Download> {
  const { sys } = daemon;
  const answer = yield* get(sys, url);
  const dir = `${daemon.config.root}/tmp/docker-remote${Number.parseInt(yield* daemon.randomHex(4), 16)}`;
  const close = (): Proc<void> => removeAll(sys, dir);
  let done = false;
  try {
    const name = nameOf(url, answer);
    if (name === "" && dest.endsWith("/")) throw systemError(`cannot determine filename for source ${url}`);
    const path = name === "" ? "__unnamed__" : name;
    yield* makeDirs(sys, dir, 0o700);
    yield* save(daemon, answer, `${dir}/${path}`, output);
    yield* output.text("\n");
    const source = new Source(sys, dir);
    const hash = yield* source.hashes.file(`${dir}/${path}`);
    done = true;
    return { item: { source, path, hash, asItIs: true }, close };
  } finally {
    yield* answer.close();
    if (!done) yield* close();
  }
}

function* save({ sys }: Daemon, answer: Answer, path: string, output: MessageStream): Proc<void> {
  const fd = yield* open(sys, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600);
  try {
    const body = new ProgressSource(sys, answer.body, output, answer.length ?? 0, "", "Downloading");
    for (let part = yield* body.read(); part !== undefined; part = yield* body.read()) yield* writeAll(sys, fd, part);
  } finally {
    yield* sys.close(fd);
  }
  const time = { sec: lastModified(answer.headers.get("Last-Modified")), nsec: 0 };
  yield* sys.utimensat(AT_FDCWD, path, time, time, 0);
}

/** The last part of the URL's path, or what the server calls it. */
function nameOf(url: string, answer: Answer): string {
  const path = url.replace(/^https?:\/\/[^/?#]*/, "").replace(/[?#].*$/, "");
  if (path !== "" && !path.endsWith("/")) return decodeURI(path.slice(path.lastIndexOf("/") + 1));
  const disposition = /filename="?([^";]+)"?/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "";
  return disposition.endsWith("/") ? "" : disposition.slice(disposition.lastIndexOf("/") + 1);
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT`; 0 for what is none. */
function lastModified(text: string | undefined): number {
  const match = /^\w{3}, (\d{2}) (\w{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/.exec(text ?? "");
  const month = MONTHS.indexOf(match?.[2] ?? "");
  if (match === null || month < 0) return 0;
  const [year, day, hour, minute, second] = [match[3], match[1], match[4], match[5], match[6]].map(Number) as [
    ...[number, number, number, number, number],
  ];
  // Days of the civil calendar: March is the first month, so that a leap day ends the year.
  const y = month < 2 ? year - 1 : year;
  const days =
    365 * y + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + Math.floor((153 * ((month + 10) % 12) + 2) / 5) + day - 1;
  return (days - 719_468) * 86_400 + hour * 3600 + minute * 60 + second;
}
