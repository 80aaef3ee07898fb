/** ip netns: named network namespaces, pinned by files in /run/netns. iproute2 `ip/ipnetns.c`. */

import { EBUSY, EEXIST, EINVAL, ENOENT, Errno } from "../../abi/errno.ts";
import { O_CLOEXEC, O_CREAT, O_EXCL, O_RDONLY } from "../../abi/fcntl.ts";
import { MNT_DETACH, MS_BIND, MS_REC, MS_SHARED, MS_SLAVE } from "../../abi/mount.ts";
import { decodeAttributes, NetlinkWriter } from "../../abi/netlink.ts";
import * as R from "../../abi/rtnetlink.ts";
import { CLONE_NEWNET, CLONE_NEWNS } from "../../abi/sched.ts";
import type { Proc } from "../../abi/sys.ts";
import { execvp, mkdir, open, optional, readDir, stat, unlink } from "../libc/unistd.ts";
import { type IpContext, matches } from "./context.ts";
import { help } from "./help.ts";

export const NETNS_DIR = "/run/netns";

function* names(ip: IpContext): Proc<string[]> {
  const entries = (yield* optional(readDir(ip.c.sys, NETNS_DIR))) ?? [];
  return entries.map(({ name }) => name).filter((name) => name !== "." && name !== "..");
}

/** The id that this namespace has for the one behind a descriptor; -1 for none. */
function* idOf(ip: IpContext, fd: number): Proc<number> {
  const [answer] = yield* (yield* ip.netlink()).request(
    R.RTM_GETNSID,
    0,
    new NetlinkWriter().u8(0).u8(0).u8(0).u8(0).attrU32(R.NETNSA_FD, fd),
  );
  return answer === undefined ? -1 : (decodeAttributes(answer.payload, 4).get(R.NETNSA_NSID)?.u32 ?? 0xffffffff) | 0;
}

/** `ip netns set`: gives a namespace an id in this one. */
function* set(ip: IpContext, args: readonly string[]): Proc<number> {
  const [name, text] = args;
  if (name === undefined) return yield* ip.die("No netns name specified", 255);
  if (text === undefined) return yield* ip.die("No nsid specified", 255);
  const id = text === "auto" ? -1 : /^\d+$/.test(text) ? Number(text) : undefined;
  if (id === undefined) return yield* ip.die(`Error: argument "${text}" is wrong: Invalid "netnsid" value`, 255);
  const fd = yield* optional(open(ip.c.sys, `${NETNS_DIR}/${name}`, O_RDONLY | O_CLOEXEC));
  if (fd === undefined) return yield* ip.die(`Cannot open network namespace "${name}": No such file or directory`, 1);
  const request = new NetlinkWriter()
    .u8(0)
    .u8(0)
    .u8(0)
    .u8(0)
    .attrU32(R.NETNSA_FD, fd)
    .attrU32(R.NETNSA_NSID, id >>> 0);
  yield* (yield* ip.netlink()).request(R.RTM_NEWNSID, 0, request);
  yield* ip.c.sys.close(fd);
  return 0;
}

/** `ip netns list-id`: the ids that this namespace has for others. */
function* listIds(ip: IpContext, args: readonly string[]): Proc<number> {
  if (args.length > 0) return yield* ip.die("ip netns list-id: selectors are not built", 255);
  const named = yield* namespaceNames(ip);
  const dump = yield* (yield* ip.netlink()).dump(R.RTM_GETNSID, new NetlinkWriter().u8(0).u8(0).u8(0).u8(0));
  for (const { payload } of dump) {
    ip.out.begin();
    printId(ip, payload, named);
  }
  return 0;
}

/** One id, as it is listed and as `ip monitor nsid` tells of it. */
export function printId({ out }: IpContext, payload: Uint8Array, named: ReadonlyMap<number, string>): void {
  const id = (decodeAttributes(payload, 4).get(R.NETNSA_NSID)?.u32 ?? 0) | 0;
  const name = named.get(id);
  out.field("nsid", id, `nsid ${id} `);
  if (name !== undefined) out.field("name", name, `(iproute2 netns name: ${name})`);
  out.textOnly("\n");
}

/** Names of the namespaces that have an id here, by id. */
export function* namespaceNames(ip: IpContext): Proc<ReadonlyMap<number, string>> {
  const found = new Map<number, string>();
  for (const name of yield* names(ip)) {
    const fd = yield* optional(open(ip.c.sys, `${NETNS_DIR}/${name}`, O_RDONLY | O_CLOEXEC));
    if (fd === undefined) continue;
    const id = yield* idOf(ip, fd);
    yield* ip.c.sys.close(fd);
    if (id >= 0) found.set(id, name);
  }
  return found;
}

function* list(ip: IpContext): Proc<number> {
  const { out } = ip;
  // In the order of the directory, newest first.
  for (const name of yield* names(ip)) {
    const fd = yield* optional(open(ip.c.sys, `${NETNS_DIR}/${name}`, O_RDONLY | O_CLOEXEC));
    out.begin();
    out.field("name", name, name);
    if (fd !== undefined) {
      const id = yield* ip.trying(idOf(ip, fd));
      yield* ip.c.sys.close(fd);
      if (id !== undefined && id >= 0) out.field("id", id, ` (id: ${id})`);
    }
    out.textOnly("\n");
  }
  return 0;
}

/** The directory must be a shared mount, so that a pin is seen in every mount namespace. */
function* prepareDirectory(ip: IpContext): Proc<void> {
  const { sys } = ip.c;
  yield* optional(mkdir(sys, NETNS_DIR, 0o755), [EEXIST]);
  for (let bound = false; ; bound = true) {
    try {
      yield* sys.mount("", NETNS_DIR, "none", MS_SHARED | MS_REC, "");
      return;
    } catch (e) {
      if (e !== EINVAL || bound) {
        if (e instanceof Errno) yield* ip.die(`mount --make-shared ${NETNS_DIR} failed: ${e.message}`, 1);
        throw e;
      }
    }
    yield* sys.mount(NETNS_DIR, NETNS_DIR, "none", MS_BIND | MS_REC, "");
  }
}

function* add(ip: IpContext, args: readonly string[], attach: boolean): Proc<number> {
  const { sys } = ip.c;
  const [name, pid] = args;
  if (name === undefined) return yield* ip.die("No netns name specified", 1);
  if (attach && pid === undefined) return yield* ip.die("No PID specified", 1);
  if (attach && !/^\d+$/.test(pid ?? "")) yield* ip.die(`Error: argument "${pid ?? ""}" is wrong: Invalid PID\n`, 255);
  if (name.includes("/") || name === "." || name === "..") yield* ip.die(`Invalid netns name "${name}"`, 255);
  yield* prepareDirectory(ip);
  const path = `${NETNS_DIR}/${name}`;
  try {
    yield* sys.close(yield* open(sys, path, O_RDONLY | O_CREAT | O_EXCL, 0));
  } catch (e) {
    if (e instanceof Errno) yield* ip.die(`Cannot create namespace file "${path}": ${e.message}`, 1);
    throw e;
  }
  try {
    if (!attach) yield* sys.unshare(CLONE_NEWNET);
    yield* sys.mount(attach ? `/proc/${pid}/ns/net` : "/proc/self/ns/net", path, "none", MS_BIND, "");
  } catch (e) {
    yield* unlink(sys, path);
    if (e instanceof Errno) yield* ip.die(`${attach ? "Bind" : "Failed to create a new network namespace"} "${name}": ${e.message}`, 1);
    throw e;
  }
  return 0;
}

function* remove(ip: IpContext, args: readonly string[]): Proc<number> {
  const [name] = args;
  if (name === undefined) return yield* ip.die("No netns name specified", 1);
  const path = `${NETNS_DIR}/${name}`;
  yield* optional(ip.c.sys.umount2(path, MNT_DETACH), [EINVAL, ENOENT]);
  try {
    yield* unlink(ip.c.sys, path);
  } catch (e) {
    if (e instanceof Errno) return yield* ip.die(`Cannot remove namespace file "${path}": ${e.message}`, 1);
    throw e;
  }
  return 0;
}

/** Joins a named namespace, with a /sys and /etc of its own. Used by `ip netns exec` and `ip -n`. */
export function* switchTo(ip: IpContext, name: string): Proc<void> {
  const { sys } = ip.c;
  const fd = yield* optional(open(sys, `${NETNS_DIR}/${name}`, O_RDONLY | O_CLOEXEC));
  if (fd === undefined) return yield* ip.die(`Cannot open network namespace "${name}": No such file or directory`, 255);
  try {
    yield* sys.setns(fd, CLONE_NEWNET);
  } catch (e) {
    if (e instanceof Errno) yield* ip.die(`setting the network namespace "${name}" failed: ${e.message}`, 255);
    throw e;
  }
  yield* sys.close(fd);
  yield* sys.unshare(CLONE_NEWNS);
  // Changes go on as a slave: what is mounted on the host is seen, what is mounted here is not.
  yield* sys.mount("", "/", "none", MS_SLAVE | MS_REC, "");
  yield* optional(sys.umount2("/sys", MNT_DETACH), [EINVAL, EBUSY]);
  yield* optional(sys.mount(name, "/sys", "sysfs", 0, ""), [EBUSY]);
  yield* bindEtc(ip, name);
}

/** Files of /etc/netns/NAME take the place of those in /etc. */
function* bindEtc(ip: IpContext, name: string): Proc<void> {
  const { sys } = ip.c;
  for (const { name: file } of (yield* optional(readDir(sys, `/etc/netns/${name}`))) ?? []) {
    if (file === "." || file === "..") continue;
    yield* optional(sys.mount(`/etc/netns/${name}/${file}`, `/etc/${file}`, "none", MS_BIND, ""), [ENOENT]);
  }
}

function* exec(ip: IpContext, args: readonly string[]): Proc<number> {
  if (ip.all) return yield* execInAll(ip, args);
  const [name, ...command] = args;
  if (name === undefined) return yield* ip.die("No netns name specified", 1);
  if (command[0] === undefined) return yield* ip.die("No command specified", 1);
  yield* switchTo(ip, name);
  try {
    return yield* execvp(ip.c.sys, command[0], command, ip.c.env);
  } catch (e) {
    if (e instanceof Errno) return yield* ip.die(`exec of "${command[0]}" failed: ${e.message}`, 1);
    throw e;
  }
}

/** `ip -all netns exec`: one after the other, until one cannot be entered. */
function* execInAll(ip: IpContext, args: readonly string[]): Proc<number> {
  const { sys } = ip.c;
  const [file] = args;
  if (file === undefined) return yield* ip.die("No command specified", 1);
  for (const name of yield* names(ip)) {
    yield* ip.c.print(`\nnetns: ${name}\n`);
    yield* ip.flush();
    const pid = yield* sys.fork(function* () {
      yield* switchTo(ip, name);
      try {
        return yield* execvp(sys, file, args, ip.c.env);
      } catch (e) {
        if (!(e instanceof Errno)) throw e;
        yield* ip.c.eprint(`exec of "${file}" failed: ${e.message}\n`);
        return 1;
      }
    });
    yield* sys.wait4(pid, 0);
  }
  return 0;
}

/** Processes whose network namespace is the named one. */
function* pids(ip: IpContext, args: readonly string[]): Proc<number> {
  const { sys } = ip.c;
  const [name] = args;
  if (name === undefined) return yield* ip.die("No netns name specified", 1);
  const target = yield* optional(stat(sys, `${NETNS_DIR}/${name}`));
  if (target === undefined) return yield* ip.die(`Cannot open network namespace: No such file or directory`, 1);
  for (const { name: pid } of yield* readDir(sys, "/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const own = yield* optional(stat(sys, `/proc/${pid}/ns/net`));
    if (own !== undefined && own.ino === target.ino) ip.out.textOnly(`${pid}\n`);
  }
  return 0;
}

/** The name of the namespace that a process is in. */
function* identify(ip: IpContext, args: readonly string[]): Proc<number> {
  const { sys } = ip.c;
  const pid = args[0] ?? "self";
  if (args.length > 1) return yield* ip.die("extra arguments specified", 255);
  const own = yield* optional(stat(sys, `/proc/${pid}/ns/net`));
  if (own === undefined) return yield* ip.die(`Cannot open network namespace: No such file or directory`, 1);
  const found: string[] = [];
  for (const name of yield* names(ip)) {
    const there = yield* optional(stat(sys, `${NETNS_DIR}/${name}`));
    if (there?.ino === own.ino && there.dev === own.dev) found.push(name);
  }
  ip.out.textOnly(found.length === 0 ? "\n" : found.map((name) => `${name}\n`).join(""));
  return 0;
}

export function* netns(ip: IpContext, args: readonly string[]): Proc<number> {
  const verb = args[0] ?? "list";
  const rest = args.slice(1);
  if (matches(verb, "list") || matches(verb, "show") || matches(verb, "lst")) return yield* list(ip);
  if (verb === "list-id") return yield* listIds(ip, rest);
  if (matches(verb, "help")) return yield* help(ip, "netns");
  if (matches(verb, "add")) return yield* add(ip, rest, false);
  if (matches(verb, "attach")) return yield* add(ip, rest, true);
  if (matches(verb, "delete")) {
    if (rest[0] === "-all" || ip.all) {
      for (const name of yield* names(ip)) yield* remove(ip, [name]);
      return 0;
    }
    return yield* remove(ip, rest);
  }
  if (matches(verb, "set")) return yield* set(ip, rest);
  if (matches(verb, "identify")) return yield* identify(ip, rest);
  if (matches(verb, "pids")) return yield* pids(ip, rest);
  if (matches(verb, "exec")) return yield* exec(ip, rest);
  return yield* ip.die(`Command "${verb}" is unknown, try "ip netns help".`, 255);
}
