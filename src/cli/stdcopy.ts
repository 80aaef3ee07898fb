/** The frames in which output and errors share one stream: eight bytes of header, then content. Real counterpart: moby `pkg/stdcopy`. */

import type { Proc } from "../abi/sys.ts";
import type { ByteSink, ByteSource } from "../userland/libc/stream.ts";
import { decodeUtf8 } from "../abi/utf8.ts";
import { CliError } from "./errors.ts";

const HEADER = 8;
/** Numbers in a header's first byte. */
const STDOUT = 1;
const STDERR = 2;
const SYSTEM_ERROR = 3;

/** Copies up to the end. A sink that is absent takes nothing. Blocks. Errors: CliError where the daemon tells of one, or where it is no such stream. */
export function* stdCopy(source: ByteSource, out: ByteSink | undefined, err: ByteSink | undefined): Proc<void> {
  let header = new Uint8Array(HEADER);
  let have = 0;
  let left = 0;
  let kind = 0;
  let failure = "";
  for (let part = yield* source.read(); part !== undefined; part = yield* source.read()) {
    for (let at = 0; at < part.length; ) {
      if (left === 0) {
        const n = Math.min(HEADER - have, part.length - at);
        header.set(part.subarray(at, at + n), have);
        have += n;
        at += n;
        if (have < HEADER) break;
        kind = header[0] as number;
        left = new DataView(header.buffer).getUint32(4);
        if (kind > SYSTEM_ERROR) throw new CliError(`Unrecognized input header: ${kind}`);
        header = new Uint8Array(HEADER);
        have = 0;
        continue;
      }
      const bytes = part.subarray(at, at + Math.min(left, part.length - at));
      at += bytes.length;
      left -= bytes.length;
      if (kind === SYSTEM_ERROR) failure += decodeUtf8(bytes);
      else if (kind === STDERR) yield* err?.write(bytes) ?? nothing();
      else if (kind <= STDOUT) yield* out?.write(bytes) ?? nothing();
    }
  }
  if (failure !== "") throw new CliError(`error from daemon in stream: ${failure}`);
}

function* nothing(): Proc<void> {}

/** Copies bytes up to the end. Blocks. */
export function* copyAll(source: ByteSource, sink: ByteSink): Proc<void> {
  for (let part = yield* source.read(); part !== undefined; part = yield* source.read()) yield* sink.write(part);
}
