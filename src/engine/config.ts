/** The daemon's configuration: flags of dockerd(8) and /etc/docker/daemon.json, one table for both. moby `cmd/dockerd/config.go`. */

import type { Proc, Sys } from "../abi/sys.ts";
import { Errno } from "../abi/errno.ts";
import { readText } from "../userland/libc/unistd.ts";
import type { DaemonConfig } from "./daemon.ts";

/** Wrong usage, or a configuration that cannot be: what dockerd says before it ends. */
export class ConfigError extends Error {
  constructor(
    message: string,
    readonly kind: "usage" | "config" = "usage",
  ) {
    super(message);
  }
}

type Kind = "bool" | "int" | "string" | "list" | "map" | "ulimit" | "pools" | "bytes";

interface Option {
  readonly name: string;
  readonly short?: string;
  /** In daemon.json; the same as the flag unless given, none if empty. */
  readonly key?: string;
  readonly kind: Kind;
  readonly usage: string;
}

export const OPTIONS: readonly Option[] = [
  { name: "bip", kind: "string", usage: "address of the default bridge, with its prefix length" },
  { name: "bridge", short: "b", kind: "string", usage: "bridge to attach containers to; none: no network" },
  { name: "cgroup-parent", kind: "string", usage: "parent cgroup of all containers" },
  { name: "config-file", key: "", kind: "string", usage: 'configuration file (default "/etc/docker/daemon.json")' },
  { name: "containerd", kind: "string", usage: "containerd's address; there is none here, and shims are started directly" },
  { name: "data-root", kind: "string", usage: 'where everything is kept (default "/var/lib/docker")' },
  { name: "debug", short: "D", kind: "bool", usage: "log more" },
  { name: "default-address-pool", key: "default-address-pools", kind: "pools", usage: "address pool for new networks, base=…,size=…" },
  { name: "default-shm-size", kind: "bytes", usage: "size of /dev/shm (default 64MiB)" },
  { name: "default-ulimit", key: "default-ulimits", kind: "ulimit", usage: "limit for all containers, name=soft[:hard]" },
  { name: "dns", kind: "list", usage: "name server for containers" },
  { name: "dns-opt", key: "dns-opts", kind: "list", usage: "option in their resolv.conf" },
  { name: "dns-search", kind: "list", usage: "search domain in their resolv.conf" },
  { name: "exec-root", kind: "string", usage: 'where what runs is kept (default "/var/run/docker")' },
  { name: "host", short: "H", key: "hosts", kind: "list", usage: "socket to listen on" },
  { name: "icc", kind: "bool", usage: "containers on a bridge reach each other (default true)" },
  { name: "init", kind: "bool", usage: "an init in each container" },
  { name: "insecure-registry", key: "insecure-registries", kind: "list", usage: "registry to speak HTTP with" },
  { name: "ip-forward", kind: "bool", usage: "turn forwarding on (default true)" },
  { name: "ip-masq", kind: "bool", usage: "masquerade what leaves (default true)" },
  { name: "iptables", kind: "bool", usage: "make iptables rules (default true)" },
  { name: "label", key: "labels", kind: "list", usage: "label of the daemon" },
  { name: "live-restore", kind: "bool", usage: "containers run on without the daemon" },
  { name: "log-driver", kind: "string", usage: 'where output of containers goes (default "json-file")' },
  { name: "log-level", short: "l", kind: "string", usage: 'debug, info, warn, error or fatal (default "info")' },
  { name: "log-opt", key: "log-opts", kind: "map", usage: "option of the log driver" },
  { name: "mtu", kind: "int", usage: "MTU of container networks" },
  { name: "pidfile", short: "p", kind: "string", usage: 'file for the process id (default "/var/run/docker.pid")' },
  { name: "registry-mirror", key: "registry-mirrors", kind: "list", usage: "mirror to try first" },
  { name: "shutdown-timeout", kind: "int", usage: "seconds for containers to end (default 15)" },
  { name: "storage-driver", short: "s", kind: "string", usage: "overlay2" },
  { name: "userland-proxy", kind: "bool", usage: "docker-proxy for traffic from the host (default true)" },
  { name: "help", key: "", kind: "bool", usage: "print usage" },
  { name: "version", short: "v", key: "", kind: "bool", usage: "print the version" },
];

type Value = boolean | number | string | string[] | Record<string, unknown>;

export type Settings = Map<string, Value>;

/** Errors: ConfigError. */
export function parseFlags(args: readonly string[]): Settings {
  const settings: Settings = new Map();
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i] as string;
    if (!word.startsWith("-") || word === "-") {
      rest.push(word);
      continue;
    }
    const long = /^--([^=]+)(?:=(.*))?$/s.exec(word);
    const [name, attached] = long === null ? [word[1], word.length > 2 ? word.slice(2).replace(/^=/, "") : undefined] : [long[1], long[2]];
    const option = OPTIONS.find((one) => (long === null ? one.short === name : one.name === name));
    if (option === undefined)
      throw new ConfigError(long === null ? `unknown shorthand flag: '${name}' in ${word}` : `unknown flag: --${name}`);
    if (option.kind === "bool") {
      setValue(settings, option, long === null ? "true" : (attached ?? "true"));
      continue;
    }
    const value = attached ?? args[++i];
    if (value === undefined)
      throw new ConfigError(long === null ? `flag needs an argument: '${name}' in ${word}` : `flag needs an argument: --${name}`);
    setValue(settings, option, value);
  }
  if (rest.length > 0) throw new ConfigError(`"dockerd" accepts no argument(s).`);
  return settings;
}

function setValue(settings: Settings, option: Option, text: string): void {
  const shown = option.short === undefined ? `--${option.name}` : `-${option.short}, --${option.name}`;
  const fail = (why: string): never => {
    throw new ConfigError(`invalid argument ${JSON.stringify(text)} for ${JSON.stringify(shown)} flag: ${why}`);
  };
  switch (option.kind) {
    case "bool": {
      const value = parseBool(text);
      settings.set(option.name, value ?? fail(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`));
      return;
    }
    case "int":
      if (!/^[+-]?\d+$/.test(text)) fail(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
      settings.set(option.name, Number(text));
      return;
    case "bytes":
      settings.set(option.name, parseBytes(text) ?? fail(`invalid size: '${text}'`));
      return;
    case "list":
      settings.set(option.name, [...((settings.get(option.name) as string[] | undefined) ?? []), text]);
      return;
    case "map":
    case "ulimit": {
      const [key = "", ...value] = text.split("=");
      if (option.kind === "ulimit" && value.length === 0) fail(`invalid ulimit argument: ${text}`);
      const entry = option.kind === "map" ? value.join("=") : parseUlimit(key, value.join("="));
      settings.set(option.name, { ...((settings.get(option.name) as Record<string, unknown> | undefined) ?? {}), [key]: entry });
      return;
    }
    case "pools": {
      const pool = Object.fromEntries(text.split(",").map((field) => field.split("=") as [string, string]));
      settings.set(option.name, [...((settings.get(option.name) as string[] | undefined) ?? []), pool as unknown as string]);
      return;
    }
    default:
      settings.set(option.name, text);
  }
}

const TRUE = ["1", "t", "T", "TRUE", "true", "True"];
const FALSE = ["0", "f", "F", "FALSE", "false", "False"];
const parseBool = (text: string): boolean | undefined => (TRUE.includes(text) ? true : FALSE.includes(text) ? false : undefined);

function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text.trim());
  return match === null
    ? undefined
    : Math.floor(Number(match[1]) * 1024 ** ["", "k", "m", "g", "t", "p"].indexOf((match[2] as string).toLowerCase()));
}

function parseUlimit(name: string, text: string): { Name: string; Soft: number; Hard: number } {
  const [soft = 0, hard = soft] = text.split(":").map(Number);
  return { Name: name, Soft: soft, Hard: hard };
}

/** daemon.json, below the flags. Errors: ConfigError. */
export function* readConfigFile(sys: Sys, path: string, required: boolean, settings: Settings): Proc<void> {
  let text: string;
  try {
    text = yield* readText(sys, path);
  } catch (e) {
    if (!(e instanceof Errno)) throw e;
    if (!required) return;
    throw new ConfigError(`unable to configure the Docker daemon with file ${path}: open ${path}: ${e.message.toLowerCase()}`, "config");
  }
  const fail = (why: string): never => {
    throw new ConfigError(`unable to configure the Docker daemon with file ${path}: ${why}`, "config");
  };
  if (text.trim() === "") return;
  let parsed: Record<string, unknown>;
  try {
    parsed = JSON.parse(text) as Record<string, unknown>;
  } catch {
    parsed = fail(
      /^\s*\{/.test(text)
        ? /\}\s*$/.test(text)
          ? "invalid character in string literal"
          : "unexpected EOF"
        : `invalid character '${text.trim()[0]}' looking for beginning of value`,
    );
  }
  const known = new Map(OPTIONS.filter(({ key }) => key !== "").map((option) => [option.key ?? option.name, option]));
  const unknown = Object.keys(parsed).filter((key) => !known.has(key));
  if (unknown.length > 0) fail(`the following directives don't match any configuration option: ${unknown.join(", ")}`);
  const doubled = Object.keys(parsed).filter(
    (key) => settings.has((known.get(key) as Option).name) && (known.get(key) as Option).kind !== "list",
  );
  if (doubled.length > 0)
    fail(
      `the following directives are specified both as a flag and in the configuration file: ${doubled
        .map((key) => `${key}: (from flag: ${String(settings.get((known.get(key) as Option).name))}, from file: ${String(parsed[key])})`)
        .join(", ")}`,
    );
  for (const [key, value] of Object.entries(parsed)) {
    const option = known.get(key) as Option;
    if (option.kind === "bytes")
      settings.set(
        option.name,
        typeof value === "number" ? value : (parseBytes(String(value)) ?? fail(`invalid size: '${String(value)}'`)),
      );
    else settings.set(option.name, value as Value);
  }
}

/** Everything that was not said as the daemon has it by itself. Errors: ConfigError. */
export function buildConfig(settings: Settings): DaemonConfig {
  const text = (name: string, otherwise = ""): string => String(settings.get(name) ?? otherwise);
  const bool = (name: string, otherwise: boolean): boolean => (settings.get(name) as boolean | undefined) ?? otherwise;
  const int = (name: string, otherwise: number): number => Number(settings.get(name) ?? otherwise);
  const list = (name: string): string[] => (settings.get(name) as string[] | undefined) ?? [];
  const driver = text("storage-driver", "overlay2");
  if (driver !== "overlay2")
    throw new ConfigError(`failed to start daemon: error initializing graphdriver: driver not supported`, "config");
  const logDriver = text("log-driver", "json-file");
  if (!["json-file", "local", "none"].includes(logDriver))
    throw new ConfigError(
      `failed to start daemon: failed to set log opts: logger: no log driver named '${logDriver}' is registered`,
      "config",
    );
  return {
    root: text("data-root", "/var/lib/docker"),
    execRoot: text("exec-root", "/var/run/docker"),
    pidFile: text("pidfile", "/var/run/docker.pid"),
    hosts: list("host").length === 0 ? ["unix:///var/run/docker.sock"] : list("host"),
    debug: bool("debug", false) || text("log-level") === "debug",
    liveRestore: bool("live-restore", false),
    shutdownTimeout: int("shutdown-timeout", 15),
    logDriver,
    logOpts: (settings.get("log-opt") as Record<string, string> | undefined) ?? {},
    labels: list("label"),
    init: bool("init", false),
    cgroupParent: text("cgroup-parent"),
    defaultShmSize: int("default-shm-size", 64 * 1024 ** 2),
    defaultUlimits: (settings.get("default-ulimit") as DaemonConfig["defaultUlimits"] | undefined) ?? {},
    insecureRegistries: list("insecure-registry"),
    registryMirrors: list("registry-mirror"),
    dns: list("dns"),
    dnsSearch: list("dns-search"),
    dnsOptions: list("dns-opt"),
    bip: text("bip"),
    bridge: text("bridge"),
    iptables: bool("iptables", true),
    ipForward: bool("ip-forward", true),
    ipMasq: bool("ip-masq", true),
    icc: bool("icc", true),
    userlandProxy: bool("userland-proxy", true),
    defaultAddressPools:
      (settings.get("default-address-pool") as unknown as { base: string; size: number | string }[] | undefined)?.map(({ base, size }) => ({
        base,
        size: Number(size),
      })) ?? [],
    mtu: int("mtu", 1500),
  };
}
