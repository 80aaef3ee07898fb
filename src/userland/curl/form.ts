/** Forms with files: `curl -F name=content`, RFC 7578. */

import { Errno } from "../../abi/errno.ts";
import type { Proc } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import type { Command } from "../libc/command.ts";
import { concat } from "../libc/stdio.ts";
import { basename, readFile } from "../libc/unistd.ts";
import { type Body, CurlError } from "./transfer.ts";

const TYPES: Readonly<Record<string, string>> = {
  gif: "image/gif",
  html: "text/html",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  png: "image/png",
  txt: "text/plain",
  xml: "application/xml",
  pdf: "application/pdf",
};

/** The body for a list of `name=value`, `name=@file` and `name=<file`. */
export function* parseForm(c: Command, parts: readonly string[]): Proc<Body> {
  const random = new Uint8Array(8);
  yield* c.sys.getrandom(random, 0);
  const boundary = `${"-".repeat(24)}${Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  const chunks: Uint8Array[] = [];
  for (const part of parts) {
    const equals = part.indexOf("=");
    if (equals < 0) throw new CurlError(2, "Illegally formatted input field");
    const name = part.slice(0, equals);
    const [value = "", ...fields] = part.slice(equals + 1).split(";");
    const file = value.startsWith("@") || value.startsWith("<") ? value.slice(1) : undefined;
    let bytes: Uint8Array;
    try {
      bytes =
        file === undefined ? encodeUtf8(part.slice(equals + 1)) : file === "-" ? yield* c.stdin.readAll() : yield* readFile(c.sys, file);
    } catch (e) {
      if (!(e instanceof Errno)) throw e;
      throw new CurlError(26, "Failed to open/read local data from file/application");
    }
    let head = `--${boundary}\r\nContent-Disposition: form-data; name="${name}"`;
    if (value.startsWith("@") && file !== undefined) {
      const type =
        fields.find((field) => field.startsWith("type="))?.slice(5) ?? TYPES[file.replace(/.*\./, "")] ?? "application/octet-stream";
      head += `; filename="${basename(file)}"\r\nContent-Type: ${type}`;
    }
    chunks.push(encodeUtf8(`${head}\r\n\r\n`), bytes, encodeUtf8("\r\n"));
  }
  chunks.push(encodeUtf8(`--${boundary}--\r\n`));
  return { bytes: concat(chunks), type: `multipart/form-data; boundary=${boundary}` };
}
