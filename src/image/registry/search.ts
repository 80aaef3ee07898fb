/** index.docker.io: what `docker search` asks. Its sentences are ours; the stars are round numbers of those that the images have. */

import { json, queryOf, type RegistryRequest, type RegistryResponse } from "./http.ts";

const entries: readonly (readonly [name: string, description: string, stars: number])[] = [
  ["alpine", "A small Linux: musl, busybox and apk in eight megabytes", 11_000],
  ["busybox", "The tools of a Unix in one file", 3_400],
  ["debian", "The distribution that many images stand on", 5_200],
  ["hello-world", "Says hello: the smallest image that does something", 2_400],
  ["httpd", "Apache's web server", 4_900],
  ["nginx", "A web server and reverse proxy", 20_800],
  ["node", "JavaScript outside of the browser", 14_000],
  ["python", "An interpreted language with much in its box", 10_100],
  ["redis", "A store of keys and values in memory", 13_300],
  ["registry", "Where images are kept: the distribution API on port 5000", 4_100],
  ["ubuntu", "A Debian with releases of its own", 17_500],
];

export function answerIndex(request: RegistryRequest): RegistryResponse {
  if (request.path !== "/v1/search" || request.method !== "GET")
    return json(404, { errors: [{ code: "NOT_FOUND", message: "not found" }] });
  const query = queryOf(request.target);
  const wanted = query.get("q")?.[0] ?? "";
  const limit = Number(query.get("n")?.[0] ?? 25);
  const words = wanted.replace(/^library\//, "").toLowerCase();
  const results = entries
    .filter(([name, description]) => name.includes(words) || description.toLowerCase().includes(words))
    .sort((a, b) => Number(b[0] === words) - Number(a[0] === words) || b[2] - a[2])
    .slice(0, limit)
    .map(([name, description, stars]) => ({
      name,
      description,
      star_count: stars,
      is_official: true,
      is_automated: false,
      is_trusted: false,
    }));
  return json(200, { num_results: results.length, num_pages: 1, page: 1, page_size: limit, query: wanted, results });
}
