/**
 * The world outside, as far as it exists. To add a host: a line here, and a file for its service beside `example-site.ts`. The addresses are those set
 * aside for documentation (RFC 5737). A host without services answers pings and refuses connections, and so does port 443 of
 * all but the registries: nobody here speaks TLS, and those talk HTTP there.
 */

import { dockerAuth, dockerHub, dockerIndex, openRegistry } from "./docker-hub.ts";
import { exampleSite } from "./example-site.ts";
import type { WorldHost } from "./host.ts";

export const hosts: readonly WorldHost[] = [
  { names: ["example.com"], address: "203.0.113.10", services: [exampleSite] },
  { names: ["www.example.com"], alias: "example.com" },
  { names: ["example.org"], address: "203.0.113.11", services: [exampleSite] },
  { names: ["www.example.org"], alias: "example.org" },
  { names: ["example.net"], address: "203.0.113.12", services: [exampleSite] },
  { names: ["www.example.net"], alias: "example.net" },
  { names: ["deb.debian.org"], address: "203.0.113.20" },
  { names: ["dl-cdn.alpinelinux.org"], address: "203.0.113.21" },
  { names: ["pypi.org"], address: "203.0.113.22" },
  { names: ["registry.npmjs.org"], address: "203.0.113.23" },
  { names: ["registry-1.docker.io"], address: "203.0.113.30", services: [dockerHub] },
  { names: ["auth.docker.io"], address: "203.0.113.31", services: [dockerAuth] },
  { names: ["index.docker.io"], address: "203.0.113.32", services: [dockerIndex] },
  { names: ["registry.example.com"], address: "203.0.113.40", services: [openRegistry] },
];

/** Names of routers on the way, for reverse lookups alone. */
export const routerNames: readonly WorldHost[] = [
  { names: ["gateway.home.arpa"], address: "10.0.2.2" },
  { names: ["dns.home.arpa"], address: "10.0.2.3" },
  { names: ["access1.isp.example.net"], address: "100.64.0.1" },
  { names: ["rack7.example.net"], address: "198.51.100.2" },
];
