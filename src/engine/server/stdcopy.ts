/** stdout and stderr in one stream: frames with a header of eight bytes. moby `pkg/stdcopy`. */

import type { StreamName } from "../containers/stream-hub.ts";

const KINDS: Readonly<Record<StreamName, number>> = { stdout: 1, stderr: 2 };

export function frame(stream: StreamName, bytes: Uint8Array): Uint8Array {
  const framed = new Uint8Array(8 + bytes.length);
  framed[0] = KINDS[stream];
  new DataView(framed.buffer).setUint32(4, bytes.length);
  framed.set(bytes, 8);
  return framed;
}
