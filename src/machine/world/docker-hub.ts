/**
 * Docker Hub and a registry that takes what is pushed to it, on their hosts. See `src/image/README.md`.
 * Differs from Linux: nobody here speaks TLS, so these hosts talk HTTP on port 443 as well.
 */

import { Catalogue } from "../../image/base/catalogue.ts";
import type { Software } from "../../image/base/software.ts";
import { recordedDigests } from "../../image/base/digests.ts";
import { answer } from "../../image/registry/api.ts";
import { answerAuth, answerHub, catalogueStore } from "../../image/registry/hub.ts";
import { answerIndex } from "../../image/registry/search.ts";
import { MemoryStore, type RegistryStore } from "../../image/registry/store.ts";
import { executables } from "../executables.ts";
import { textFiles } from "../rootfs/etc.ts";
import { libraries } from "../rootfs/libraries.ts";
import type { WorldService } from "./host.ts";
import { httpService, type Site } from "./http-server.ts";

/** A pushed layer comes as one body. */
const MAX_PUSH_BYTES = 1024 ** 3;

/** What of this machine goes into images. */
export const imageSoftware = (): Software => ({ tools: executables, libraries, debianFiles: new Map(textFiles("debian")) });

let hub: RegistryStore | undefined;

/** The images are the same for every machine; they are declared when the first one asks. */
function hubStore(): RegistryStore {
  hub ??= catalogueStore(new Catalogue(imageSoftware(), recordedDigests));
  return hub;
}

/** A site on the ports of HTTP and HTTPS. `site` makes one for each machine. */
function service(server: string, site: () => Site): WorldService {
  return (ns, addr) => {
    const here = site();
    for (const port of [80, 443]) httpService(server, here, port, MAX_PUSH_BYTES)(ns, addr);
  };
}

export const dockerHub = service("nginx", () => (request) => answerHub(hubStore(), request));
export const dockerAuth = service("nginx", () => (request) => answerAuth(hubStore(), request));
export const dockerIndex = service("nginx", () => answerIndex);

/** A registry without accounts: whoever finds it may push. It begins empty, and ends with the machine. */
export const openRegistry = service("nginx", () => {
  const store = new MemoryStore();
  return (request) => answer(store, request);
});
