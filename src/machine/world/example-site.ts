/** example.com and its sisters: a page, a redirect, an echo of the request, and downloads of any size. */

import { errorPage, httpService, type SizedBody, type WorldRequest, type WorldResponse } from "./http-server.ts";

const page = (host: string): string => `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>Example Domain</title>
</head>
<body>
  <h1>Example Domain</h1>
  <p>This is ${host}, a site outside of the machine. What you read came as packets through its network card.</p>
  <p>Also here: <a href="/bytes/1000000">a megabyte</a>, <a href="/old">a page that has moved</a>,
  <a href="/headers">your own request</a>.</p>
</body>
</html>
`;

const HTML = ["Content-Type", "text/html; charset=UTF-8"] as const;
const TEXT = ["Content-Type", "text/plain; charset=UTF-8"] as const;
const MAX_BYTES = 10e9;
/** 2026-01-01; the pages do not change. */
const LAST_MODIFIED = "Thu, 01 Jan 2026 00:00:00 GMT";

/** `bytes` of printable text: lines of 63 letters. */
function filler(bytes: number): SizedBody {
  const line = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.\n";
  return {
    bytes,
    piece: (offset, length) => Uint8Array.from({ length }, (_, i) => line.charCodeAt((offset + i) % 64)),
  };
}

function site({ method, path, target, version, headers, body }: WorldRequest): WorldResponse {
  if (method === "POST" && path === "/post") return { status: 200, headers: [TEXT], body };
  if (method !== "GET" && method !== "HEAD") return { ...errorPage(405), headers: [HTML, ["Allow", "GET, HEAD"]] };
  const download = /^\/bytes\/(\d{1,11})$/.exec(path)?.[1];
  if (download !== undefined && Number(download) <= MAX_BYTES)
    return { status: 200, headers: [["Content-Type", "application/octet-stream"]], body: filler(Number(download)) };
  const host = headers.get("Host") ?? "example.com";
  switch (path) {
    case "/":
    case "/index.html":
      return { status: 200, headers: [HTML, ["Last-Modified", LAST_MODIFIED]], body: page(host) };
    case "/old":
      return { ...errorPage(301), headers: [HTML, ["Location", "/"]] };
    case "/loop":
      return { ...errorPage(302), headers: [HTML, ["Location", "/loop"]] };
    case "/headers":
      return {
        status: 200,
        headers: [TEXT],
        body: `${method} ${target} HTTP/${version}\n${headers.fields.map(([name, value]) => `${name}: ${value}\n`).join("")}`,
      };
    default:
      return errorPage(404);
  }
}

export const exampleSite = httpService("Drydock", site);
