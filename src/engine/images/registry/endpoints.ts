/** Where a registry is to be found, in the order in which that is tried. moby `registry/service_v2.go`, `registry/config.go`. */

import { parseIpv4 } from "../../../abi/inet.ts";
import type { Proc } from "../../../abi/sys.ts";
import { DEFAULT_DOMAIN, type Reference } from "../../../image/reference.ts";
import { GaiError, getHostIpv4 } from "../../../userland/libc/netdb.ts";
import type { AuthConfig } from "../../api/image.ts";
import type { Daemon } from "../../daemon.ts";
import { EngineError, isFailure, systemError } from "../../errors.ts";
import { RegistryError } from "./registry-error.ts";
import { Repository } from "./repository.ts";

/** Docker Hub's registry. */
const HUB = "https://registry-1.docker.io";

/** Addresses of registries that need no TLS, always. */
const LOOPBACK = "127.0.0.0/8";

/** Mirrors first where `pull`. */
function* endpointsOf(daemon: Daemon, domain: string, pull: boolean): Proc<string[]> {
  const { registryMirrors } = daemon.config;
  if (domain === DEFAULT_DOMAIN) return [...(pull ? registryMirrors.map((url) => url.replace(/\/+$/, "")) : []), HUB];
  const insecure = yield* isInsecure(daemon, domain);
  return [`https://${domain}`, ...(insecure ? [`http://${domain}`] : [])];
}

function* isInsecure({ sys, config }: Daemon, domain: string): Proc<boolean> {
  if (config.insecureRegistries.includes(domain)) return true;
  const host = domain.replace(/:\d+$/, "");
  const networks = [LOOPBACK, ...config.insecureRegistries.filter((entry) => entry.includes("/"))];
  let addresses: readonly number[] = [];
  const literal = parseIpv4(host);
  if (literal !== undefined) addresses = [literal];
  else {
    try {
      ({ addresses } = yield* getHostIpv4(sys, host));
    } catch (e) {
      if (!(e instanceof GaiError)) throw e;
    }
  }
  return addresses.some((address) => networks.some((network) => contains(network, address)));
}

function contains(network: string, address: number): boolean {
  const [base = "", bits = "32"] = network.split("/");
  const start = parseIpv4(base);
  if (start === undefined) return false;
  const size = 2 ** (32 - Number(bits));
  return Math.floor(address / size) === Math.floor(start / size);
}

/** Does `body` with the first endpoint that can. Errors: what the last one failed with. Blocks. */
export function* withRepository<T>(
  daemon: Daemon,
  reference: Reference,
  auth: AuthConfig,
  actions: "pull" | "push,pull",
  body: (repository: Repository) => Proc<T>,
): Proc<T> {
  let last: EngineError | undefined;
  for (const endpoint of yield* endpointsOf(daemon, reference.domain, actions === "pull")) {
    const repository = new Repository(daemon.sys, endpoint, reference.path, auth, actions);
    try {
      yield* repository.ping();
      return yield* body(repository);
    } catch (e) {
      if (!isFailure(e)) throw e;
      last = e instanceof EngineError ? e : systemError(e.message.toLowerCase());
      if (!goesOn(last)) throw last;
      yield* daemon.log("info", `Attempting next endpoint for ${actions === "pull" ? "pull" : "push"} after error: ${last.message}`);
    }
  }
  throw last ?? systemError(`no endpoints found for ${reference.path}`);
}

/** Whether another endpoint may know better. */
function goesOn(e: EngineError): boolean {
  return !(e instanceof RegistryError) || ["UNAUTHORIZED", "MANIFEST_UNKNOWN", "NAME_UNKNOWN"].includes(e.code);
}
