/** Pairs of Ethernet devices that hand each other their packets: veth(4), Linux `drivers/net/veth.c`. */

import { closeDevice, forwardSkb, frameLength, randomMac, registerDevice, setCarrier, unregisterDevice } from "../dev.ts";
import { NetDevice } from "../device.ts";
import type { NetNamespace } from "../net-namespace.ts";
import type { SkBuff } from "../skb.ts";

export class VethDevice extends NetDevice {
  readonly kind = "veth";
  override carrier = false;
  /** Written by `newVethPair`; undefined while it is being deleted. */
  peer: VethDevice | undefined;

  override get link(): NetDevice {
    return this.peer ?? this;
  }

  override opened(): void {
    if (this.peer?.up !== true) return;
    setCarrier(this, true);
    setCarrier(this.peer, true);
  }

  override closed(): void {
    setCarrier(this, false);
    if (this.peer !== undefined) setCarrier(this.peer, false);
  }

  /** The other end goes too. */
  override removed(): void {
    const { peer } = this;
    this.peer = undefined;
    if (peer === undefined) return;
    peer.peer = undefined;
    closeDevice(peer);
    unregisterDevice(peer);
  }

  override transmit(skb: SkBuff): void {
    const { peer, stats } = this;
    const bytes = frameLength(skb);
    if (peer === undefined || !peer.up) {
      stats.txDropped++;
      this.ns.core.drop(skb, this.ns, this, "DEV_READY");
      return;
    }
    if (!forwardSkb(peer, skb)) return;
    stats.txPackets++;
    stats.txBytes += bytes;
    peer.stats.rxPackets++;
    peer.stats.rxBytes += bytes;
  }
}

/** What one end of a new pair is to be. A name may have a `%d`. */
export interface VethEnd {
  readonly ns: NetNamespace;
  readonly name: string;
  readonly mac?: number;
  readonly ifindex?: number;
  readonly mtu?: number;
}

/** veth_newlink(): the peer is registered first. Errors: EEXIST, EINVAL, EBUSY: then there is none of the two. */
export function newVethPair(end: VethEnd, peerEnd: VethEnd): readonly [VethDevice, VethDevice] {
  const dev = new VethDevice(end.ns);
  const peer = new VethDevice(peerEnd.ns);
  for (const [made, wanted] of [
    [peer, peerEnd],
    [dev, end],
  ] as const) {
    made.macAssignType = wanted.mac === undefined ? 1 : 3;
    made.mac = wanted.mac ?? randomMac(wanted.ns);
    if (wanted.mtu !== undefined) made.mtu = wanted.mtu;
  }
  registerDevice(peer, peerEnd.name, peerEnd.ifindex);
  dev.peer = peer;
  peer.peer = dev;
  try {
    registerDevice(dev, end.name, end.ifindex);
  } catch (e) {
    peer.peer = undefined;
    unregisterDevice(peer);
    throw e;
  }
  for (const made of [dev, peer]) made.carrierDowns = 1;
  return [dev, peer];
}
