/** Which handler answers which request: tables of routes, one a noun, in `routes/`. gorilla/mux with moby's patterns, `/v1.x` in front of any. */

import type { Proc } from "../../abi/sys.ts";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { EngineError, isFailure, wordsOf } from "../errors.ts";
import { API_MAX, API_MIN, API_VERSION, ENGINE_VERSION } from "../version.ts";
import type { Exchange } from "./exchange.ts";

export type Handler = (x: Exchange) => Proc<void>;

export interface Route {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS";
  /** `/containers/{name}/json`; `{name:.*}` takes slashes as well. */
  readonly path: string;
  readonly handler: Handler;
}

interface Compiled extends Route {
  readonly regex: RegExp;
  readonly names: readonly string[];
}

function compile(route: Route): Compiled {
  const names: string[] = [];
  const source = route.path.replace(/[.]/g, "\\.").replace(/\{(\w+)(?::\\\.\*)?\}/g, (whole, name: string) => {
    names.push(name);
    return whole.includes(":") ? "(.*)" : "([^/]+)";
  });
  return { ...route, names, regex: new RegExp(`^${source}$`) };
}

export class Router {
  private readonly routes: readonly Compiled[];

  constructor(tables: readonly (readonly Route[])[]) {
    this.routes = tables.flat().map(compile);
  }

  /** Answers a request, also where it fails. */
  *serve(x: Exchange): Proc<void> {
    try {
      yield* this.dispatch(x);
    } catch (e) {
      if (!isFailure(e)) throw e;
      // An answer that has begun cannot become another one.
      if (x.answered) {
        x.finished = true;
        return;
      }
      const status = e instanceof EngineError ? e.status : 500;
      if (status === 304) yield* x.empty(304);
      else {
        const message = wordsOf(e);
        if (status >= 500)
          yield* x.daemon.log("error", `Handler for ${x.method} ${x.head.target.split("?")[0]} returned error: ${message}`);
        yield* x.send(status, { message });
      }
    }
  }

  private *dispatch(x: Exchange): Proc<void> {
    const versioned = /^\/v([0-9.]+)(\/.*)$/.exec(x.path);
    const path = versioned?.[2] ?? x.path;
    const found = this.find(x.method, path);
    if (found === undefined) {
      yield* x.send(404, { message: "page not found" });
      return;
    }
    x.headers.set("Server", `Docker/${ENGINE_VERSION} (linux)`);
    x.headers.set("Api-Version", API_VERSION);
    x.headers.set("Ostype", "linux");
    if (versioned !== null) {
      const asked = versioned[1] as string;
      if (compareVersions(asked, API_MIN) < 0) {
        // Clients of that age do not read JSON.
        x.headers.set("X-Content-Type-Options", "nosniff");
        const advice = `Minimum supported API version is ${API_MIN}, please upgrade your client to a newer version`;
        yield* x.bytes(400, encodeUtf8(`client version ${asked} is too old. ${advice}\n`), "text/plain; charset=utf-8");
        return;
      }
      if (compareVersions(asked, API_MAX) > 0)
        throw new EngineError("invalidParameter", `client version ${asked} is too new. Maximum supported API version is ${API_VERSION}`);
      x.apiVersion = Number(asked.split(".")[1] ?? "0");
    }
    x.headers.set("Docker-Experimental", "false");
    x.vars = found.vars;
    yield* x.takeForm();
    yield* found.handler(x);
  }

  private find(method: string, path: string): { handler: Handler; vars: Record<string, string> } | undefined {
    for (const { method: wanted, regex, names, handler } of this.routes) {
      const match = wanted === method ? regex.exec(path) : null;
      if (match === null) continue;
      const vars = Object.fromEntries(names.map((name, i) => [name, decode(match[i + 1] as string)]));
      return { handler, vars };
    }
    return undefined;
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function compareVersions(a: string, b: string): number {
  const [x, y] = [a.split(".").map(Number), b.split(".").map(Number)];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
