import { expect, test } from "vitest";
import type { Proc } from "../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../abi/utf8.ts";
import {
  ChunkedSink,
  encodeHead,
  Headers,
  HttpError,
  HttpReader,
  keepsAlive,
  requestFraming,
  requestLine,
  responseFraming,
} from "./http.ts";
import { type ByteSource, readUpTo } from "./stream.ts";

/** Hands a text out in pieces of `size` bytes: a message may be cut anywhere. */
function source(text: string, size: number): ByteSource {
  const bytes = encodeUtf8(text);
  let at = 0;
  return {
    *read() {
      if (at >= bytes.length) return undefined;
      at += size;
      return bytes.slice(at - size, at);
    },
  };
}

/** Runs what never has to wait. */
function run<T>(proc: Proc<T>): T {
  const step = proc[Symbol.iterator]().next();
  if (step.done !== true) throw new Error("it waits");
  return step.value;
}

const text = (body: ByteSource): string => decodeUtf8(run(readUpTo(body, 1e6)) as Uint8Array);

const SIZES = [1, 2, 3, 7, 1000];

test.each(SIZES)("two requests on one connection, in pieces of %i bytes", (size) => {
  const reader = new HttpReader(
    source("POST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello\r\nGET / HTTP/1.0\nX-A: 1\nx-a:  2 \n\n", size),
  );
  const first = run(reader.requestHead());
  expect(first).toMatchObject({ method: "POST", target: "/a?b", version: "1.1" });
  if (first === undefined) return;
  expect(text(reader.body(requestFraming(first)))).toBe("hello");
  expect(keepsAlive(first)).toBe(true);
  const second = run(reader.requestHead());
  expect(second?.headers.get("X-a")).toBe("1, 2");
  expect(second === undefined || keepsAlive(second)).toBe(false);
  expect(run(reader.requestHead())).toBeUndefined();
});

test.each(SIZES)("a chunked response after a 100, in pieces of %i bytes", (size) => {
  const reader = new HttpReader(
    source(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nwiki\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
      size,
    ),
  );
  const head = run(reader.responseHead());
  expect(text(reader.body(responseFraming("GET", head)))).toBe("wiki0123456789");
  const next = run(reader.responseHead());
  expect([next.status, responseFraming("GET", next)]).toEqual([204, { kind: "none" }]);
});

test("what is written is read again", () => {
  let written = "";
  const sink = {
    *write(bytes: Uint8Array): Proc<void> {
      written += decodeUtf8(bytes);
    },
  };
  run(
    sink.write(
      encodeHead(
        requestLine("PUT", "/x"),
        new Headers([
          ["Host", "h"],
          ["Transfer-Encoding", "chunked"],
        ]),
      ),
    ),
  );
  const chunks = new ChunkedSink(sink);
  for (const part of ["a", "", "bc".repeat(100)]) run(chunks.write(encodeUtf8(part)));
  run(chunks.end());
  const reader = new HttpReader(source(written, 5));
  const head = run(reader.requestHead());
  expect(head).toMatchObject({ method: "PUT", target: "/x" });
  if (head !== undefined) expect(text(reader.body(requestFraming(head)))).toBe(`a${"bc".repeat(100)}`);
});

test("after an upgrade the rest is what came behind the head", () => {
  const reader = new HttpReader(source("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\n\r\nraw bytes", 1000));
  expect(run(reader.responseHead()).headers.lists("connection", "upgrade")).toBe(true);
  expect(text(reader.rest)).toBe("raw bytes");
});

test.each([
  ["GET /\r\n\r\n", 400],
  ["GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505],
  ["GET / HTTP/1.1\r\n\r\n", 400],
  ["GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n", 400],
  ["GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400],
  ["GET / HTTP/1.1\r\nHost: h\r\nX", 400],
  [`GET /${"x".repeat(9000)} HTTP/1.1\r\nHost: h\r\n\r\n`, 431],
  [`GET / HTTP/1.1\r\n${"A: b\r\n".repeat(300)}\r\n`, 431],
])("%# is refused", (message, status) => {
  try {
    run(new HttpReader(source(message, 1000)).requestHead());
    expect.unreachable();
  } catch (e) {
    expect(e).toBeInstanceOf(HttpError);
    expect((e as HttpError).status).toBe(status);
  }
});

test.each(["x\r\n", "5\r\nhell", "3\r\nabcd\r\n0\r\n\r\n", ""])("a broken chunked body is refused: %j", (body) => {
  expect(() => text(new HttpReader(source(body, 3)).body({ kind: "chunked" }))).toThrow(HttpError);
});
