/** URLs as curl and wget take them apart: RFC 3986, with a missing scheme taken for http. */

export interface Url {
  readonly scheme: string;
  readonly user: string | undefined;
  readonly host: string;
  readonly port: number;
  /** Whether the port was written. */
  readonly explicitPort: boolean;
  /** With the query, without the fragment; begins with a slash. */
  readonly target: string;
}

const PORTS: Readonly<Record<string, number>> = { http: 80, https: 443, ftp: 21 };

/** Undefined for what is no URL. */
export function parseUrl(text: string): Url | undefined {
  const match = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):\/\/)?(?:([^@/?#]*)@)?(\[[0-9a-fA-F:.]+\]|[^:/?#[\]]*)(?::(\d*))?([/?#].*)?$/.exec(text);
  if (match === null) return undefined;
  const [, scheme = "http", user, host = "", port, rest = ""] = match;
  const lower = scheme.toLowerCase();
  const number = port === undefined || port === "" ? (PORTS[lower] ?? 0) : Number(port);
  if (host === "" || number > 65_535 || /[\s"<>\\^`{|}]/.test(host)) return undefined;
  const path = rest.replace(/#.*/, "");
  return {
    scheme: lower,
    user: user === undefined ? undefined : decode(user),
    host,
    port: number,
    explicitPort: port !== undefined && port !== "" && number !== PORTS[lower],
    target: path.startsWith("/") ? path : `/${path}`,
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** `host:port`, as in the Host header. */
export const hostHeader = ({ host, port, explicitPort }: Url): string => (explicitPort ? `${host}:${port}` : host);

export const formatUrl = (url: Url): string => `${url.scheme}://${hostHeader(url)}${url.target}`;

/** Where a Location header leads. Undefined if nowhere. */
export function resolveUrl(base: Url, location: string): string {
  if (/^[a-zA-Z][a-zA-Z0-9+.-]*:\/\//.test(location)) return location;
  const origin = `${base.scheme}://${hostHeader(base)}`;
  if (location.startsWith("//")) return `${base.scheme}:${location}`;
  if (location.startsWith("/")) return origin + location;
  const [path = "/"] = base.target.split("?");
  return `${origin}${path.slice(0, path.lastIndexOf("/") + 1)}${location}`;
}

/** The last part of the path, without the query; empty for a directory. */
export function fileNameOf({ target }: Url): string {
  const [path = ""] = target.split("?");
  return path.slice(path.lastIndexOf("/") + 1);
}
