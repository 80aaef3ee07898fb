/**
 * An HTTP server of the world outside: the message module of libc over a connection without a task. Each connection is one generator that is resumed when something
 * comes or when there is room again; a site is a function from a request to a response.
 */

import { encodeUtf8 } from "../../abi/utf8.ts";
import type { Proc } from "../../abi/sys.ts";
import { type KernelStream, listenTcp } from "../../kernel/net/ipv4/kernel-socket.ts";
import type { NetNamespace } from "../../kernel/net/net-namespace.ts";
import { realtimeAt } from "../../kernel/task/system.ts";
import {
  encodeHead,
  Headers,
  HttpError,
  HttpReader,
  keepsAlive,
  type RequestHead,
  reasons,
  requestFraming,
  statusLine,
} from "../../userland/libc/http.ts";
import { readUpTo, type ByteSource } from "../../userland/libc/stream.ts";
import { concat } from "../../userland/libc/stdio.ts";
import { strftime } from "../../userland/libc/strftime.ts";
import type { WorldService } from "./host.ts";

/** A site takes at most this much in a request unless it says otherwise. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

export interface WorldRequest extends RequestHead {
  /** The target without its query, decoded. */
  readonly path: string;
  readonly body: Uint8Array;
}

export interface WorldResponse {
  readonly status: number;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body: string | Uint8Array | SizedBody;
}

/** A body that is made as it is sent. */
export interface SizedBody {
  readonly bytes: number;
  /** The bytes of one piece. */
  piece(offset: number, length: number): Uint8Array;
}

export type Site = (request: WorldRequest) => WorldResponse;

/** A service on port 80 (or another one) that answers as `site` says. */
export function httpService(server: string, site: Site, port = 80, maxBodyBytes = MAX_BODY_BYTES): WorldService {
  return (ns, addr) => {
    listenTcp(ns, addr, port, (stream) => new Connection(ns, stream, server, site, maxBodyBytes));
  };
}

class Connection {
  private readonly incoming: Uint8Array[] = [];
  private ended = false;
  private readonly body: Iterator<undefined, void, void>;
  private running = false;
  private over = false;

  constructor(
    private readonly ns: NetNamespace,
    private readonly stream: KernelStream,
    private readonly server: string,
    private readonly site: Site,
    private readonly maxBodyBytes: number,
  ) {
    this.body = this.serve()[Symbol.iterator]();
    stream.events = {
      data: (bytes) => {
        this.incoming.push(bytes);
        this.resume();
      },
      room: () => this.resume(),
      ended: () => {
        this.ended = true;
        this.resume();
      },
      closed: () => {
        this.over = true;
      },
    };
  }

  private resume(): void {
    if (this.running || this.over) return;
    this.running = true;
    if (this.body.next().done === true) this.over = true;
    this.running = false;
  }

  private readonly source: ByteSource = { read: () => this.read() };

  private *read(): Proc<Uint8Array | undefined> {
    while (this.incoming.length === 0) {
      if (this.ended) return undefined;
      yield;
    }
    return this.incoming.shift();
  }

  private *write(bytes: Uint8Array): Proc<void> {
    this.stream.write(bytes);
    while (this.stream.waitsForRoom) yield;
  }

  private *serve(): Proc<void> {
    const reader = new HttpReader(this.source);
    try {
      for (;;) {
        const head = yield* reader.requestHead();
        if (head === undefined) break;
        const body = yield* readUpTo(reader.body(requestFraming(head)), this.maxBodyBytes);
        if (body === undefined) throw new HttpError(413, reasons[413] as string);
        yield* this.respond(head, this.site({ ...head, path: pathOf(head.target), body }));
        if (!keepsAlive(head)) break;
      }
    } catch (e) {
      if (!(e instanceof HttpError)) throw e;
      yield* this.respond(undefined, errorPage(e.status));
    }
    this.stream.end();
  }

  private *respond(request: RequestHead | undefined, { status, headers = [], body }: WorldResponse): Proc<void> {
    const bytes = typeof body === "string" ? encodeUtf8(body) : body;
    const length = bytes instanceof Uint8Array ? bytes.length : bytes.bytes;
    const { system } = this.ns;
    const fields = new Headers([
      ["Server", this.server],
      ["Date", strftime("%a, %d %b %Y %H:%M:%S GMT", realtimeAt(system, system.sched.clockNs))],
      ...headers,
      ["Content-Length", String(length)],
      ["Connection", request !== undefined && keepsAlive(request) ? "keep-alive" : "close"],
    ]);
    const top = encodeHead(statusLine(status), fields);
    if (request?.method === "HEAD") return yield* this.write(top);
    // Together: a body behind a head of its own would wait for the acknowledgement (RFC 896).
    if (bytes instanceof Uint8Array) return yield* this.write(concat([top, bytes]));
    yield* this.write(top);
    for (let at = 0; at < length; at += 65_536) yield* this.write(bytes.piece(at, Math.min(65_536, length - at)));
  }
}

function pathOf(target: string): string {
  const path = target.replace(/^http:\/\/[^/]*/, "").replace(/[?#].*/, "");
  try {
    return decodeURIComponent(path === "" ? "/" : path);
  } catch {
    return path;
  }
}

/** A page that says no more than the status does. */
export function errorPage(status: number): WorldResponse {
  const title = `${status} ${reasons[status] ?? ""}`;
  return {
    status,
    headers: [["Content-Type", "text/html"]],
    body: `<html>\n<head><title>${title}</title></head>\n<body>\n<h1>${title}</h1>\n</body>\n</html>\n`,
  };
}
