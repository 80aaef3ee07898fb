/** RTM_NEWQDISC, _DELQDISC, _GETQDISC: tc(8), Linux `net/sched/sch_api.c`. Only qdiscs at the root of a device are built: no classes, no filters. */

import { EEXIST, EINVAL, ENODEV, ENOENT, EOPNOTSUPP } from "../../../abi/errno.ts";
import {
  decodeAttributes,
  NETLINK_ROUTE,
  NetlinkWriter,
  NLM_F_CREATE,
  NLM_F_EXCL,
  RTM_DELQDISC,
  RTM_GETQDISC,
  RTM_NEWQDISC,
} from "../../../abi/netlink.ts";
import * as R from "../../../abi/rtnetlink.ts";
import { defaultQdisc } from "../dev.ts";
import type { NetDevice } from "../device.ts";
import { Netem, type NetemOptions, readNetem, writeNetem } from "../qdisc/netem.ts";
import { PfifoFast } from "../qdisc/fifo.ts";
import type { Qdisc } from "../qdisc/qdisc.ts";
import { readTbf, Tbf, type TbfOptions, writeTbf } from "../qdisc/tbf.ts";
import type { Attributes } from "./link-kinds.ts";
import { NetlinkError, type NetlinkHandler, type NetlinkRequest } from "./protocol.ts";
import { netlinkBroadcast } from "./socket.ts";

const TCMSG = 20;

interface TcMsg {
  readonly index: number;
  readonly handle: number;
  readonly parent: number;
  readonly attrs: Attributes;
}

function parse(payload: Uint8Array): TcMsg {
  if (payload.length < TCMSG) return { index: 0, handle: 0, parent: 0, attrs: new Map() };
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return {
    index: view.getInt32(4, true),
    handle: view.getUint32(8, true),
    parent: view.getUint32(12, true),
    attrs: decodeAttributes(payload, TCMSG),
  };
}

/** tc_fill_qdisc(). */
function fill(dev: NetDevice, qdisc: Qdisc): Uint8Array {
  const w = new NetlinkWriter();
  w.u8(0).u8(0).u16(0).u32(dev.ifindex).u32(qdisc.handle).u32(qdisc.parent).u32(2);
  w.attrString(R.TCA_KIND, qdisc.kind);
  if (qdisc instanceof PfifoFast) {
    // struct tc_prio_qopt: three bands, and the map.
    w.attr(
      R.TCA_OPTIONS,
      new NetlinkWriter()
        .u32(3)
        .raw(Uint8Array.of(1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1))
        .finish(),
    );
  } else if (qdisc instanceof Netem) writeNetem(w, qdisc.options);
  else if (qdisc instanceof Tbf) writeTbf(w, qdisc.options);
  const { stats } = qdisc;
  w.nest(R.TCA_STATS2, () => {
    const basic = new DataView(new ArrayBuffer(16));
    basic.setUint32(0, stats.bytes >>> 0, true);
    basic.setUint32(4, Math.floor(stats.bytes / 2 ** 32), true);
    basic.setUint32(8, stats.packets, true);
    w.attr(R.TCA_STATS_BASIC, new Uint8Array(basic.buffer));
    const queue = new NetlinkWriter()
      .u32(qdisc.backlogPackets)
      .u32(qdisc.backlogBytes)
      .u32(stats.drops)
      .u32(stats.requeues)
      .u32(stats.overlimits);
    w.attr(R.TCA_STATS_QUEUE, queue.finish());
  });
  return w.finish();
}

function announce(dev: NetDevice, type: number, qdisc: Qdisc): void {
  netlinkBroadcast(dev.ns, NETLINK_ROUTE, R.RTNLGRP_TC, type, () => fill(dev, qdisc));
}

function requireDevice({ ns }: NetlinkRequest, index: number): NetDevice {
  const dev = ns.devices.get(index);
  if (dev === undefined) throw ENODEV;
  return dev;
}

function replace(dev: NetDevice, made: Qdisc | undefined): void {
  const old = dev.qdisc;
  old?.reset();
  dev.qdisc = made;
  dev.ns.core.version++;
}

/** qdisc_alloc_handle(): the first of 8000:, 8001: … that is free. Differs from Linux: which counts on for the whole machine. */
function freeHandle(dev: NetDevice): number {
  dev.ns.core.qdiscHandle = Math.max(0x8000, dev.ns.core.qdiscHandle) + 1;
  return dev.ns.core.qdiscHandle * 0x10000;
}

/** tc_modify_qdisc(). */
function newQdisc(request: NetlinkRequest): void {
  const { message } = request;
  const { index, handle, parent, attrs } = parse(message.payload);
  const dev = requireDevice(request, index);
  const kind = attrs.get(R.TCA_KIND)?.string;
  const has = (flag: number): boolean => (message.flags & flag) !== 0;
  if (parent !== R.TC_H_ROOT) throw parent === 0xffff_fff1 ? EOPNOTSUPP : new NetlinkError(ENOENT, "Failed to find specified qdisc");
  if ((handle & 0xffff) !== 0) throw new NetlinkError(EINVAL, "Invalid qdisc handle");
  const existing = dev.qdiscSet ? dev.qdisc : undefined;
  if (existing !== undefined) {
    if (has(NLM_F_EXCL)) throw new NetlinkError(EEXIST, "Exclusivity flag on, cannot modify");
    if (!has(NLM_F_CREATE) && kind !== undefined && kind !== existing.kind)
      throw new NetlinkError(EINVAL, "Specified qdisc kind does not match existing one");
    // Another handle asks for another discipline, which takes the place of the present one.
    if (existing.kind === kind && !(has(NLM_F_CREATE) && handle !== 0 && handle !== existing.handle)) {
      const options = attrs.get(R.TCA_OPTIONS)?.bytes;
      if (existing instanceof Netem) existing.change(readNetem(options, existing.options));
      else if (existing instanceof Tbf) existing.change(readTbf(options));
      else throw new NetlinkError(EINVAL, "Change operation not supported by specified qdisc");
      announce(dev, RTM_NEWQDISC, existing);
      return;
    }
  } else if (!has(NLM_F_CREATE)) throw new NetlinkError(ENOENT, "Qdisc not found. To create specify NLM_F_CREATE flag");
  const made = create(dev, kind, handle !== 0 ? handle : freeHandle(dev), attrs);
  replace(dev, made);
  dev.qdiscSet = true;
  announce(dev, RTM_NEWQDISC, made);
}

function create(dev: NetDevice, kind: string | undefined, handle: number, attrs: Attributes): Qdisc {
  const options = attrs.get(R.TCA_OPTIONS)?.bytes;
  switch (kind) {
    case "netem":
      return new Netem(dev, handle, readNetem(options, undefined) satisfies NetemOptions);
    case "tbf":
      return new Tbf(dev, handle, readTbf(options) satisfies TbfOptions);
    case "pfifo_fast":
      return new PfifoFast(dev, handle);
    default:
      throw new NetlinkError(ENOENT, "Specified qdisc kind is unknown");
  }
}

function deleteQdisc(request: NetlinkRequest): void {
  const { index, handle, parent, attrs } = parse(request.message.payload);
  const dev = requireDevice(request, index);
  const kind = attrs.get(R.TCA_KIND)?.string;
  if (parent !== 0 && parent !== R.TC_H_ROOT) throw new NetlinkError(ENOENT, "Failed to find qdisc with specified classid");
  const { qdisc } = dev;
  if (qdisc === undefined) throw new NetlinkError(ENOENT, "Cannot find specified qdisc on specified device");
  if (handle !== 0 && qdisc.handle !== handle) throw new NetlinkError(EINVAL, "Invalid handle");
  if (kind !== undefined && kind !== qdisc.kind) throw new NetlinkError(EINVAL, "Invalid qdisc name");
  if (!dev.qdiscSet) throw new NetlinkError(ENOENT, "Cannot delete qdisc with handle of zero");
  announce(dev, RTM_DELQDISC, qdisc);
  dev.qdiscSet = false;
  replace(dev, dev.up ? defaultQdisc(dev) : undefined);
}

export const qdiscHandlers: readonly (readonly [number, NetlinkHandler])[] = [
  [RTM_NEWQDISC, { privileged: true, run: newQdisc }],
  [RTM_DELQDISC, { privileged: true, run: deleteQdisc }],
  [
    RTM_GETQDISC,
    {
      run(request) {
        const { index } = parse(request.message.payload);
        const dev = requireDevice(request, index);
        if (dev.qdisc === undefined) throw ENOENT;
        request.reply(RTM_NEWQDISC, fill(dev, dev.qdisc));
      },
      *dump({ ns, message }) {
        const { index } = parse(message.payload);
        for (const dev of [...ns.devices.values()].sort((a, b) => a.ifindex - b.ifindex)) {
          if (index !== 0 && dev.ifindex !== index) continue;
          if (dev.qdisc !== undefined) yield { type: RTM_NEWQDISC, payload: fill(dev, dev.qdisc) };
        }
      },
    },
  ],
];
