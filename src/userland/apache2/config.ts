/** httpd.conf, as far as there is something behind its directives; others are refused by name. Apache's core, mod_dir, mod_autoindex, mod_log_config, mod_mime. */

import { ENOENT, ENOTDIR } from "../../abi/errno.ts";
import type { Proc, Sys } from "../../abi/sys.ts";
import { glob } from "../libc/glob.ts";
import { optional, readText } from "../libc/unistd.ts";

/** `AH00526: Syntax error on line N of FILE:` and what is wrong. */
export class ConfigError extends Error {}

export interface Directory {
  readonly path: string;
  indexes: boolean | undefined;
  granted: boolean | undefined;
}

export interface Settings {
  root: string;
  port: number;
  user: string;
  group: string;
  serverName: string;
  documentRoot: string;
  directoryIndex: readonly string[];
  errorLog: string;
  accessLog: string;
  logFormat: string;
  keepAlive: boolean;
  readonly directories: Directory[];
  readonly types: Map<string, string>;
}

/** Directives that change nothing of what is modelled. */
const ACCEPTED = new Set(
  "serveradmin loglevel loadmodule allowoverride timeout maxkeepaliverequests keepalivetimeout hostnamelookups enablesendfile enablemmap pidfile servertokens serversignature addtype mimemagicfile startservers".split(
    " ",
  ),
);

export function* readConfig(sys: Sys, path: string): Proc<Settings> {
  const s: Settings = {
    root: "/usr/local/apache2",
    port: 80,
    user: "www-data",
    group: "www-data",
    serverName: "",
    documentRoot: "/usr/local/apache2/htdocs",
    directoryIndex: ["index.html"],
    errorLog: "logs/error_log",
    accessLog: "",
    logFormat: '%h %l %u %t "%r" %>s %b',
    keepAlive: true,
    directories: [],
    types: new Map(),
  };
  const formats = new Map<string, string>();
  let typesConfig = "";
  let log = "";
  const absolute = (name: string): string => (name.startsWith("/") ? name : `${s.root}/${name}`);

  function* read(file: string): Proc<void> {
    const text = yield* optional(readText(sys, file), [ENOENT, ENOTDIR]);
    if (text === undefined) throw new ConfigError(`httpd: Could not open configuration file ${file}: No such file or directory`);
    let within: Directory | undefined;
    let skipping = "";
    for (const [index, raw] of text.split("\n").entries()) {
      const line = raw.trim();
      const wrong = (what: string): ConfigError => new ConfigError(`AH00526: Syntax error on line ${index + 1} of ${file}:\n${what}`);
      if (line === "" || line.startsWith("#")) continue;
      const words = [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map((m) => m[1]?.replace(/\\(.)/g, "$1") ?? m[2] ?? "");
      const [name = "", first = "", ...rest] = words;
      const key = name.toLowerCase();
      if (skipping !== "") {
        if (key === `</${skipping}>`) skipping = "";
      } else if (key === "<directory") {
        within = {
          path: first
            .replace(/>$/, "")
            .replace(/"/g, "")
            .replace(/(.)\/$/, "$1"),
          indexes: undefined,
          granted: undefined,
        };
        s.directories.push(within);
      } else if (key === "</directory>") within = undefined;
      // What depends on a module that is not there counts as not written.
      else if (key === "<ifmodule") skipping = "ifmodule";
      else if (key === "require" && within !== undefined && first.toLowerCase() === "all")
        within.granted = rest[0]?.toLowerCase() === "granted";
      else if (key === "options" && within !== undefined) within.indexes = [first, ...rest].some((o) => /^\+?(indexes|all)$/i.test(o));
      else if (key === "serverroot") s.root = first;
      else if (key === "listen") {
        s.port = Number(first.slice(first.lastIndexOf(":") + 1));
        if (!Number.isInteger(s.port) || s.port < 1 || s.port > 65_535) throw wrong("Port must be specified");
      } else if (key === "user") s.user = first;
      else if (key === "group") s.group = first;
      else if (key === "servername") s.serverName = first;
      else if (key === "documentroot") {
        s.documentRoot = absolute(first);
        if ((yield* sysStat(sys, s.documentRoot)) === undefined)
          throw wrong(`DocumentRoot '${s.documentRoot}' is not a directory, or is not readable`);
      } else if (key === "directoryindex") s.directoryIndex = [first, ...rest];
      else if (key === "errorlog") s.errorLog = first;
      else if (key === "logformat") formats.set(rest[0] ?? "", first);
      else if (key === "customlog") [s.accessLog, log] = [first, rest[0] ?? ""];
      else if (key === "typesconfig") typesConfig = first;
      else if (key === "keepalive") s.keepAlive = /^on$/i.test(first);
      else if (key === "include" || key === "includeoptional") for (const one of yield* glob(sys, absolute(first))) yield* read(one);
      else if (!ACCEPTED.has(key))
        throw wrong(`Invalid command '${name}', perhaps misspelled or defined by a module not included in the server configuration`);
    }
  }

  yield* read(path);
  if (log !== "") s.logFormat = formats.get(log) ?? log;
  if (typesConfig !== "") {
    const text = (yield* optional(readText(sys, absolute(typesConfig)))) ?? "";
    for (const line of text.split("\n")) {
      const [type = "", ...extensions] = line.replace(/#.*/, "").trim().split(/\s+/);
      for (const extension of extensions) s.types.set(extension, type);
    }
  }
  s.errorLog = absolute(s.errorLog);
  if (s.accessLog !== "") s.accessLog = absolute(s.accessLog);
  return s;
}

const sysStat = (sys: Sys, path: string) => optional(sys.newfstatat(-100, path, 0));

/** The longest <Directory> above a path that says something. */
function directoryOf<K extends "indexes" | "granted">(s: Settings, path: string, key: K): boolean | undefined {
  const above = s.directories.filter((d) => d[key] !== undefined && (d.path === "/" || path === d.path || path.startsWith(`${d.path}/`)));
  return above.sort((a, b) => b.path.length - a.path.length)[0]?.[key];
}

export const isGranted = (s: Settings, path: string): boolean => directoryOf(s, path, "granted") ?? true;
export const isListed = (s: Settings, path: string): boolean => directoryOf(s, path, "indexes") ?? false;
