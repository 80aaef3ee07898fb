/** What the directives of nginx mean, as far as they are built: one `server` serves files from directories. Others are refused by name. */

import { ConfigError, type Directive } from "./config.ts";

export interface Location {
  readonly match: "prefix" | "exact" | "prefer" | "regex" | "iregex";
  readonly pattern: string;
  readonly root: string;
  readonly alias: string | undefined;
  readonly index: readonly string[];
  readonly tryFiles: readonly string[];
  readonly returns: { readonly status: number; readonly text: string } | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly autoindex: boolean;
}

export interface Server {
  /** Address (undefined: any) and port. */
  readonly listen: readonly { readonly host: string; readonly port: number; readonly isDefault: boolean }[];
  readonly names: readonly string[];
  readonly locations: readonly Location[];
  /** What holds outside of all locations. */
  readonly fallback: Location;
  readonly errorPages: ReadonlyMap<number, string>;
}

export interface Site {
  readonly user: string;
  /** Number of CPUs if undefined. */
  readonly workers: number | undefined;
  readonly pid: string;
  readonly daemon: boolean;
  readonly errorLog: string;
  readonly accessLog: string | undefined;
  readonly logFormat: string;
  readonly keepaliveMs: number;
  readonly types: ReadonlyMap<string, string>;
  readonly defaultType: string;
  readonly servers: readonly Server[];
}

const COMBINED = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"';

/** Directives that change nothing of what is modelled. */
const ACCEPTED =
  "sendfile tcp_nopush tcp_nodelay keepalive_requests server_tokens client_max_body_size types_hash_max_size server_names_hash_bucket_size charset gzip gzip_types gzip_vary " +
  "gzip_min_length gzip_proxied gzip_comp_level open_file_cache etag expires log_not_found worker_rlimit_nofile worker_connections multi_accept use client_body_timeout " +
  "client_header_timeout send_timeout reset_timedout_connection master_process pcre_jit absolute_redirect port_in_redirect";
/** Directives that nginx has and this one has not. */
const MISSING =
  "proxy_pass proxy_set_header proxy_http_version proxy_read_timeout fastcgi_pass fastcgi_param uwsgi_pass upstream map geo rewrite if set limit_req limit_req_zone limit_conn " +
  "ssl_certificate ssl_certificate_key auth_basic auth_basic_user_file allow deny split_clients stream mail resolver sub_filter internal load_module env";
const accepted = new Set(ACCEPTED.split(" "));
const missing = new Set(MISSING.split(" "));

interface Inherited {
  root: string;
  index: readonly string[];
  headers: (readonly [string, string])[];
  autoindex: boolean;
}

/** Reads directives into what they mean. Errors: ConfigError. */
export function understand(directives: readonly Directive[], globals: readonly Directive[]): Site {
  const site = {
    user: "nobody",
    workers: 1 as number | undefined,
    pid: "/run/nginx.pid",
    daemon: true,
    errorLog: "/var/log/nginx/error.log",
    accessLog: "/var/log/nginx/access.log" as string | undefined,
    logFormat: COMBINED,
    keepaliveMs: 75_000,
    types: new Map<string, string>(),
    defaultType: "text/plain",
    servers: [] as Server[],
  };
  const formats = new Map([["combined", COMBINED]]);
  let events = false;
  const http = (block: readonly Directive[]): void => {
    const inherited: Inherited = { root: "/etc/nginx/html", index: ["index.html"], headers: [], autoindex: false };
    for (const d of block) {
      const [first = ""] = d.args;
      if (d.name === "types") for (const t of d.block ?? []) for (const ext of t.args) site.types.set(ext, t.name);
      else if (d.name === "default_type") site.defaultType = first;
      else if (d.name === "log_format")
        formats.set(
          first,
          d.args
            .slice(1)
            .filter((a) => !a.startsWith("escape="))
            .join(""),
        );
      else if (d.name === "access_log") {
        site.accessLog = first === "off" ? undefined : first;
        const format = formats.get(d.args[1] ?? "combined");
        if (format === undefined) throw new ConfigError(`unknown log format "${d.args[1]}"${d.place}`);
        site.logFormat = format;
      } else if (d.name === "error_log") site.errorLog = first;
      else if (d.name === "keepalive_timeout") site.keepaliveMs = Number.parseFloat(first) * 1000;
      else if (d.name === "server") site.servers.push(serverOf(d, inherited));
      else if (!inherit(d, inherited)) refuse(d);
    }
  };
  for (const d of [...directives, ...globals]) {
    const [first = ""] = d.args;
    if (d.name === "user") site.user = first;
    else if (d.name === "worker_processes") site.workers = first === "auto" ? undefined : Number(first);
    else if (d.name === "pid") site.pid = first;
    else if (d.name === "daemon") site.daemon = first !== "off";
    else if (d.name === "error_log") site.errorLog = first;
    else if (d.name === "events") events = true;
    else if (d.name === "http") http(d.block ?? []);
    else refuse(d);
  }
  if (!events) throw new ConfigError('no "events" section in configuration');
  return site;
}

function refuse(d: Directive): void {
  if (accepted.has(d.name)) return;
  if (missing.has(d.name)) throw new ConfigError(`directive "${d.name}" is not in Drydock yet${d.place}`);
  throw new ConfigError(`unknown directive "${d.name}"${d.place}`);
}

/** Takes a directive that holds on every level. Returns false if it is another one. */
function inherit(d: Directive, into: Inherited): boolean {
  const [first = "", second = ""] = d.args;
  if (d.name === "root") into.root = first.startsWith("/") ? first : `/etc/nginx/${first}`;
  else if (d.name === "index") into.index = d.args;
  else if (d.name === "add_header") into.headers = [...into.headers, [first, second]];
  else if (d.name === "autoindex") into.autoindex = first === "on";
  else return false;
  return true;
}

function serverOf({ block = [], place }: Directive, above: Inherited): Server {
  const inherited = { ...above };
  const listen: { host: string; port: number; isDefault: boolean }[] = [];
  const names: string[] = [];
  const errorPages = new Map<number, string>();
  const blocks: Directive[] = [];
  let returns: Location["returns"];
  let tryFiles: readonly string[] = [];
  for (const d of block) {
    if (d.name === "listen") {
      const parsed = listenOf(d);
      if (parsed !== undefined) listen.push(parsed);
    } else if (d.name === "server_name") names.push(...d.args);
    else if (d.name === "location") blocks.push(d);
    else if (d.name === "error_page") {
      const uri = d.args[d.args.length - 1] ?? "";
      for (const code of d.args.slice(0, -1)) if (/^\d{3}$/.test(code)) errorPages.set(Number(code), uri);
    } else if (d.name === "return") returns = returnOf(d);
    else if (d.name === "try_files") tryFiles = d.args;
    else if (d.name === "access_log" || d.name === "error_log") refuseOwnLog(d);
    else if (!inherit(d, inherited)) refuse(d);
  }
  if (listen.length === 0 && place !== "") listen.push({ host: "", port: 80, isDefault: false });
  const fallback: Location = { match: "prefix", pattern: "", alias: undefined, tryFiles, returns, ...inherited };
  return { listen, names, errorPages, fallback, locations: blocks.map((d) => locationOf(d, inherited)) };
}

/** Differs from Linux: a server's or location's own log can only be switched off together with the common one. */
function refuseOwnLog(d: Directive): void {
  if (d.args[0] !== "off") throw new ConfigError(`"${d.name}" of a server is not in Drydock yet${d.place}`);
}

/** undefined for IPv6, which the machine has not. */
function listenOf(d: Directive): { host: string; port: number; isDefault: boolean } | undefined {
  const [address = ""] = d.args;
  if (address.startsWith("[")) return undefined;
  const colon = address.lastIndexOf(":");
  const [host, port] =
    colon >= 0 ? [address.slice(0, colon), address.slice(colon + 1)] : /^\d+$/.test(address) ? ["", address] : [address, "80"];
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535)
    throw new ConfigError(`invalid port in "${address}" of the "listen" directive${d.place}`);
  if (d.args.includes("ssl")) throw new ConfigError(`the "ssl" parameter is not in Drydock yet${d.place}`);
  return { host: host === "*" ? "" : host, port: Number(port), isDefault: d.args.includes("default_server") };
}

function returnOf({ args, place }: Directive): { status: number; text: string } {
  const [first = "", ...rest] = args;
  if (/^\d{3}$/.test(first)) return { status: Number(first), text: rest.join(" ") };
  if (!/^(https?:|\/)/.test(first)) throw new ConfigError(`invalid return code "${first}"${place}`);
  return { status: 302, text: first };
}

const MATCHES: Readonly<Record<string, Location["match"]>> = { "=": "exact", "^~": "prefer", "~": "regex", "~*": "iregex" };

function locationOf({ args, block = [], place }: Directive, above: Inherited): Location {
  const [first = "", second] = args;
  const match = second === undefined ? "prefix" : MATCHES[first];
  if (match === undefined) throw new ConfigError(`invalid location modifier "${first}"${place}`);
  const inherited = { ...above };
  let alias: string | undefined;
  let tryFiles: readonly string[] = [];
  let returns: Location["returns"];
  for (const d of block) {
    if (d.name === "alias") alias = d.args[0];
    else if (d.name === "try_files") tryFiles = d.args;
    else if (d.name === "return") returns = returnOf(d);
    else if (d.name === "access_log" || d.name === "error_log") refuseOwnLog(d);
    else if (!inherit(d, inherited)) refuse(d);
  }
  return { match, pattern: second ?? first, alias, tryFiles, returns, ...inherited };
}

/** The location of a path: exact, then the longest prefix if it is preferred, then expressions in order, then that prefix. */
export function locate({ locations, fallback }: Server, path: string): Location {
  const exact = locations.find(({ match, pattern }) => match === "exact" && pattern === path);
  if (exact !== undefined) return exact;
  let longest: Location | undefined;
  for (const one of locations)
    if (
      (one.match === "prefix" || one.match === "prefer") &&
      path.startsWith(one.pattern) &&
      one.pattern.length > (longest?.pattern.length ?? -1)
    )
      longest = one;
  if (longest?.match === "prefer") return longest;
  const expression = locations.find(
    ({ match, pattern }) => (match === "regex" || match === "iregex") && new RegExp(pattern, match === "iregex" ? "i" : "").test(path),
  );
  return expression ?? longest ?? fallback;
}

/** The server for a request that came in at a port: by its name, else the default one. */
export function serverFor({ servers }: Site, port: number, host: string): Server | undefined {
  const here = servers.filter(({ listen }) => listen.some((l) => l.port === port));
  const name = host.replace(/:\d+$/, "").toLowerCase();
  return (
    here.find(({ names }) => names.includes(name)) ??
    here.find(({ listen }) => listen.some((l) => l.port === port && l.isDefault)) ??
    here[0]
  );
}
