/** Numbers by which one network namespace knows others: ip-netns(8), Linux `net/core/net_namespace.c`. */

import { EBADF, EEXIST, EINVAL, ENOENT, ENOSPC, Errno, ESRCH } from "../../../abi/errno.ts";
import { decodeAttributes, type NetlinkAttribute, NetlinkWriter } from "../../../abi/netlink.ts";
import { NETNSA_FD, NETNSA_NSID, NETNSA_PID, RTM_GETNSID, RTM_NEWNSID, RTNLGRP_NSID } from "../../../abi/rtnetlink.ts";
import { type Task, taskOf } from "../../task/task.ts";
import { NetNamespace, netNsOf, netPart } from "../net-namespace.ts";
import { NetlinkError, type NetlinkHandler, type NetlinkRequest } from "./protocol.ts";
import { netlinkBroadcast } from "./socket.ts";

const MAX_IDS = 32_768;

const idsPart = netPart("netns.ids", () => new Map<NetNamespace, number>());

/** peernet2id(): -1 where it has none. */
export function findNsid(ns: NetNamespace, other: NetNamespace): number {
  return ns.part(idsPart).get(other) ?? -1;
}

/** peernet2id_alloc(): as findNsid, but gives it one. */
export function nsidOf(ns: NetNamespace, other: NetNamespace): number {
  const ids = ns.part(idsPart);
  const known = ids.get(other);
  if (known !== undefined) return known;
  return give(ns, other, -1);
}

function give(ns: NetNamespace, other: NetNamespace, wanted: number): number {
  const ids = ns.part(idsPart);
  const used = new Set(ids.values());
  let id = wanted;
  if (id < 0) for (id = 0; used.has(id); id++) if (id >= MAX_IDS) throw ENOSPC;
  ids.set(other, id);
  netlinkBroadcast(ns, 0, RTNLGRP_NSID, RTM_NEWNSID, () => payloadOf(id));
  return id;
}

/** The namespace ended: nobody knows it any more. */
export function forgetNamespace(ended: NetNamespace): void {
  for (const ns of ended.core.namespaces) ns.part(idsPart).delete(ended);
}

const payloadOf = (id: number): Uint8Array =>
  new NetlinkWriter()
    .u32(0)
    .attrU32(NETNSA_NSID, id >>> 0)
    .finish();

/** The namespace behind a descriptor of /proc/PID/ns/net. Errors: EBADF, EINVAL. */
export function namespaceByFd(task: Task, fd: number): NetNamespace {
  const file = task.files.find(fd);
  if (file === undefined) throw EBADF;
  const { namespace } = file as { readonly namespace?: unknown };
  if (!(namespace instanceof NetNamespace)) throw EINVAL;
  return namespace;
}

/** Errors: ESRCH. */
export function namespaceByPid(task: Task, pid: number): NetNamespace {
  const found = taskOf(task.pidNs.find(pid));
  if (found === undefined || found.state === "dead") throw ESRCH;
  return netNsOf(found);
}

function peerOf({ task }: NetlinkRequest, attrs: ReadonlyMap<number, NetlinkAttribute>): NetNamespace {
  const pid = attrs.get(NETNSA_PID);
  const fd = attrs.get(NETNSA_FD);
  if (pid !== undefined) return named(() => namespaceByPid(task, pid.u32));
  if (fd !== undefined) return named(() => namespaceByFd(task, fd.u32));
  throw new NetlinkError(EINVAL, "Peer netns reference is missing");
}

function named(find: () => NetNamespace): NetNamespace {
  try {
    return find();
  } catch (e) {
    if (e instanceof Errno) throw new NetlinkError(e, "Peer netns reference is invalid");
    throw e;
  }
}

export const newNsid: NetlinkHandler = {
  privileged: true,
  run(request) {
    const attrs = decodeAttributes(request.message.payload, 1);
    const wanted = attrs.get(NETNSA_NSID);
    if (wanted === undefined) throw new NetlinkError(EINVAL, "nsid is missing");
    const peer = peerOf(request, attrs);
    const { ns } = request;
    if (findNsid(ns, peer) >= 0) throw new NetlinkError(EEXIST, "Peer netns already has a nsid assigned");
    const id = wanted.u32 | 0;
    if (id >= 0 && [...ns.part(idsPart).values()].includes(id)) throw new NetlinkError(ENOSPC, "The specified nsid is already used");
    give(ns, peer, id);
  },
};

export const getNsid: NetlinkHandler = {
  run(request) {
    const attrs = decodeAttributes(request.message.payload, 1);
    const id = attrs.get(NETNSA_NSID);
    if (id !== undefined) {
      if (![...request.ns.part(idsPart).values()].includes(id.u32 | 0)) throw ENOENT;
      request.reply(RTM_NEWNSID, payloadOf(id.u32 | 0));
      return;
    }
    request.reply(RTM_NEWNSID, payloadOf(findNsid(request.ns, peerOf(request, attrs))));
  },
  *dump({ ns }) {
    for (const id of [...ns.part(idsPart).values()].sort((a, b) => a - b)) yield { type: RTM_NEWNSID, payload: payloadOf(id) };
  },
};

export const nsidHandlers: readonly (readonly [number, NetlinkHandler])[] = [
  [RTM_NEWNSID, newNsid],
  [RTM_GETNSID, getNsid],
];
