/** What a client asks of a build: the query of `POST /build`. moby `api/server/router/build/build_routes.go`. */

import type { Ulimit } from "../api/container.ts";
import type { AuthConfig } from "../api/image.ts";
import { decodeUtf8 } from "../../abi/utf8.ts";
import type { HostConfig } from "../api/container.ts";
import { invalidParameter, systemError, type EngineError } from "../errors.ts";
import { decodeBase64 } from "../images/tar-split.ts";
import type { Exchange } from "../server/exchange.ts";

export interface BuildOptions {
  readonly tags: readonly string[];
  readonly dockerfile: string;
  /** A context that is not the body of the request. */
  readonly remote: string;
  readonly quiet: boolean;
  readonly noCache: boolean;
  readonly remove: boolean;
  readonly forceRemove: boolean;
  readonly pull: boolean;
  readonly target: string;
  readonly platform: string;
  readonly buildArgs: ReadonlyMap<string, string | null>;
  readonly labels: Readonly<Record<string, string>>;
  readonly cacheFrom: readonly string[];
  readonly auth: Readonly<Record<string, AuthConfig>>;
  /** Of the containers in which steps run. */
  readonly hostConfig: Partial<HostConfig>;
}

/** Errors: invalidParameter, systemError. */
export function buildOptions(x: Exchange): BuildOptions {
  const { query } = x;
  const text = (name: string): string => query.get(name) ?? "";
  const number = (name: string): number => (/^-?\d+$/.test(text(name)) ? Number(text(name)) : 0);
  const shmSize = text("shmsize");
  if (shmSize !== "" && !/^[+-]?\d+$/.test(shmSize))
    throw systemError(`strconv.ParseInt: parsing ${JSON.stringify(shmSize)}: invalid syntax`);
  const isolation = text("isolation");
  if (!["", "default"].includes(isolation.toLowerCase())) throw invalidParameter(`Unsupported isolation: ${JSON.stringify(isolation)}`);
  if (query.all("securityopt").length > 0)
    throw invalidParameter("The daemon on this platform does not support setting security options on build");
  if (text("version") === "2") throw invalidParameter("buildkit is not enabled on daemon");
  if (!["", "1"].includes(text("version"))) throw systemError(`invalid version ${text("version")}`);
  if (x.flag("squash")) throw invalidParameter("squash is only supported with experimental mode");
  const extraHosts = query.all("extrahosts");
  return {
    tags: query.all("t"),
    dockerfile: text("dockerfile") === "" ? "Dockerfile" : text("dockerfile"),
    remote: text("remote"),
    quiet: x.flag("q"),
    noCache: x.flag("nocache"),
    remove: x.flag("forcerm") || text("rm") === "" || x.flag("rm"),
    forceRemove: x.flag("forcerm"),
    pull: x.flag("pull"),
    target: text("target"),
    platform: text("platform"),
    buildArgs: new Map(Object.entries(parsed<Record<string, string | null>>(text("buildargs"), "error reading build args") ?? {})),
    labels: parsed<Record<string, string>>(text("labels"), "error reading labels") ?? {},
    cacheFrom: parsed<string[]>(text("cachefrom"), "") ?? [],
    auth: authOf(x),
    hostConfig: {
      CgroupParent: text("cgroupparent"),
      CpuShares: number("cpushares"),
      CpuPeriod: number("cpuperiod"),
      CpuQuota: number("cpuquota"),
      CpusetCpus: text("cpusetcpus"),
      CpusetMems: text("cpusetmems"),
      Memory: number("memory"),
      MemorySwap: number("memswap"),
      Ulimits: parsed<Ulimit[]>(text("ulimits"), "error reading ulimit settings") ?? null,
      ShmSize: Number(shmSize),
      NetworkMode: text("networkmode"),
      // The client is told what they print; nobody asks for it later.
      LogConfig: { Type: "none", Config: {} },
      ExtraHosts: extraHosts.length === 0 ? null : extraHosts,
    },
  };
}

function parsed<T>(text: string, context: string): T | undefined {
  if (text === "") return undefined;
  try {
    return (JSON.parse(text) as T | null) ?? undefined;
  } catch {
    throw badJson(text, context);
  }
}

function badJson(text: string, context: string): EngineError {
  const first = text.trim()[0] ?? "";
  const why = /[[{"\d\-tfn]/.test(first) ? "unexpected end of JSON input" : `invalid character '${first}' looking for beginning of value`;
  return context === "" ? systemError(why) : invalidParameter(`${context}: ${why}`);
}

/** X-Registry-Config, by registry; what cannot be read counts for nothing. */
function authOf({ head }: Exchange): Record<string, AuthConfig> {
  try {
    return (JSON.parse(decodeUtf8(decodeBase64(head.headers.get("X-Registry-Config") ?? ""))) as Record<string, AuthConfig> | null) ?? {};
  } catch {
    return {};
  }
}
