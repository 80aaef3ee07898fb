/** Checks of single values of flags, with docker's words. Real counterpart: docker/cli `opts/opts.go`, `opts/hosts.go`. Each returns the text that is taken. */

import { parseIpv4, parseIpv6 } from "../../abi/inet.ts";
import { cut } from "../flags.ts";

export const isIp = (text: string): boolean => parseIpv4(text) !== undefined || parseIpv6(text) !== undefined;

export function checkAttach(text: string): string {
  const stream = text.toLowerCase();
  if (!["stdin", "stdout", "stderr"].includes(stream)) throw new Error("valid streams are STDIN, STDOUT and STDERR");
  return stream;
}

export function checkCgroupRule(text: string): string {
  if (!/^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/.test(text)) throw new Error(`invalid device cgroup format '${text}'`);
  return text;
}

export function checkIp(text: string): string {
  if (!isIp(text.trim())) throw new Error(`IP address is not correctly formatted: ${text}`);
  return text.trim();
}

/** `.` stands for no search domain. */
export function checkDnsSearch(text: string): string {
  const domain = text.replace(/^ +| +$/g, "");
  if (domain === ".") return domain;
  const label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
  const match = new RegExp(`^:?(${label}(?:\\.${label})*)\\.?\\s*$`).exec(domain);
  if (!/[a-zA-Z]/.test(domain) || match === null || (match[1] as string).length >= 255) throw new Error(`${domain} is not a valid domain`);
  return match[1] as string;
}

/** A variable without a value is looked up later, in the client's own environment. */
export function checkEnv(text: string): string {
  if (cut(text, "=")[0] === "") throw new Error(`invalid environment variable: ${text}`);
  return text;
}

export function checkExtraHost(text: string): string {
  let [host, address] = cut(text, "=");
  if (address === undefined) [host, address] = cut(text, ":");
  if (address === undefined || host === "" || host.includes(":")) throw new Error(`bad format for add-host: ${JSON.stringify(text)}`);
  if (address === "host-gateway") return `${host}:${address}`;
  const bare = address.length > 2 && address.startsWith("[") && address.endsWith("]") ? address.slice(1, -1) : address;
  if (!isIp(bare)) throw new Error(`invalid IP address in add-host: ${JSON.stringify(bare)}`);
  return `${host}:${bare}`;
}

export function checkLabel(text: string): string {
  const key = cut(text, "=")[0].replace(/^[ \t]+/, "");
  if (key === "") throw new Error(`invalid label '${text}': empty name`);
  if (/[ \t]/.test(key)) throw new Error(`label '${key}' contains whitespaces`);
  return text;
}

export function checkLink(text: string): string {
  if (text === "") throw new Error("empty string specified for links");
  if (text.split(":").length > 2) throw new Error(`bad format for links: ${text}`);
  return text;
}

const SYSCTLS = new Set(
  ["msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced"].map((name) => `kernel.${name}`),
);

export function checkSysctl(text: string): string {
  const [key, value] = cut(text, "=");
  const allowed = SYSCTLS.has(key) || key.startsWith("net.") || key.startsWith("fs.mqueue.");
  if (value === undefined || key === "" || !allowed) throw new Error(`sysctl '${text}' is not allowed`);
  return text;
}

/** net.ParseMAC: 6, 8 or 20 bytes with colons, dashes or dots. */
export const isMac = (text: string): boolean =>
  [6, 8, 20].some(
    (n) =>
      new RegExp(`^([0-9a-fA-F]{2}[:]){${n - 1}}[0-9a-fA-F]{2}$|^([0-9a-fA-F]{2}-){${n - 1}}[0-9a-fA-F]{2}$`).test(text) ||
      new RegExp(`^([0-9a-fA-F]{4}\\.){${n / 2 - 1}}[0-9a-fA-F]{4}$`).test(text),
  );
