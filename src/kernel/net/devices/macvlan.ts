/**
 * Several devices with addresses of their own on one lower device: Linux `drivers/net/macvlan.c`, mode bridge: they reach each other, and whatever the
 * lower device reaches, but not the host that has the lower device. Left out: the other modes.
 */

import { ethTypeTrans, frameLength, netifRx, notify, randomMac, setCarrier, setPromiscuity, unregisterDevice } from "../dev.ts";
import { BROADCAST_MAC, isMulticastMac, NetDevice, operState, IF_OPER_UP } from "../device.ts";
import type { NetNamespace } from "../net-namespace.ts";
import type { SkBuff } from "../skb.ts";

const uppers = new WeakMap<NetDevice, Set<MacvlanDevice>>();

/** The macvlans on a device. */
export const macvlansOf = (lower: NetDevice): ReadonlySet<MacvlanDevice> => uppers.get(lower) ?? new Set();

export class MacvlanDevice extends NetDevice {
  readonly kind = "macvlan";
  override carrier: boolean;

  constructor(
    ns: NetNamespace,
    readonly lower: NetDevice,
    mac: number | undefined,
  ) {
    super(ns);
    this.mac = mac ?? randomMac(ns);
    this.macAssignType = mac === undefined ? 1 : 3;
    this.mtu = lower.mtu;
    this.maxMtu = lower.mtu;
    this.carrier = lower.carrier && lower.up;
    this.carrierDowns = 1;
  }

  override get link(): NetDevice {
    return this.lower;
  }

  /** After it was registered. */
  attach(): void {
    const { lower } = this;
    let set = uppers.get(lower);
    if (set === undefined) {
      uppers.set(lower, (set = new Set()));
      lower.rxHandler = (skb) => handleFrame(lower, skb);
      setPromiscuity(lower, 1);
    }
    set.add(this);
  }

  override removed(): void {
    const { lower } = this;
    const set = uppers.get(lower);
    if (set?.delete(this) !== true || set.size > 0) return;
    uppers.delete(lower);
    lower.rxHandler = undefined;
    setPromiscuity(lower, -1);
  }

  /** macvlan_queue_xmit(): to brothers directly, to all others through the lower device. */
  override transmit(skb: SkBuff): void {
    const { lower, stats } = this;
    const dst = skb.eth?.dst ?? 0;
    stats.txPackets++;
    stats.txBytes += frameLength(skb);
    if (isMulticastMac(dst)) broadcast(lower, skb, this);
    else {
      for (const other of macvlansOf(lower)) {
        if (other.mac !== dst || other === this) continue;
        receive(other, skb);
        return;
      }
    }
    if (skb.dev?.ns !== lower.ns) {
      skb.mark = 0;
      skb.ct = undefined;
    }
    skb.dev = lower;
    if (lower.up && lower.qdisc !== undefined) lower.qdisc.enqueue(skb);
    else lower.ns.core.drop(skb, lower.ns, lower, "DEV_READY");
  }
}

function receive(dev: MacvlanDevice, skb: SkBuff): void {
  if (!dev.up) {
    dev.ns.core.drop(skb, dev.ns, dev, "DEV_READY");
    return;
  }
  const bytes = frameLength(skb);
  if (skb.dev?.ns !== dev.ns) skb.mark = 0;
  skb.route = undefined;
  skb.ct = undefined;
  skb.ctReply = false;
  skb.iif = 0;
  ethTypeTrans(skb, dev);
  if (!netifRx(skb, dev)) return;
  dev.stats.rxPackets++;
  dev.stats.rxBytes += bytes;
}

function broadcast(lower: NetDevice, skb: SkBuff, from: MacvlanDevice | undefined): void {
  for (const dev of macvlansOf(lower)) if (dev !== from && dev.up) receive(dev, skb.clone());
}

/** macvlan_handle_frame(): false where the lower device's own host may have it. */
function handleFrame(lower: NetDevice, skb: SkBuff): boolean {
  const dst = skb.eth?.dst ?? 0;
  if (dst === BROADCAST_MAC || isMulticastMac(dst)) {
    broadcast(lower, skb, undefined);
    return false;
  }
  for (const dev of macvlansOf(lower)) {
    if (dev.mac !== dst) continue;
    receive(dev, skb);
    return true;
  }
  return false;
}

/** macvlan_device_event(): what happens to the lower device. */
export function macvlanEvent(event: string, lower: NetDevice): void {
  const set = uppers.get(lower);
  if (set === undefined) return;
  switch (event) {
    case "up":
    case "down":
    case "change":
      for (const dev of set) setCarrier(dev, lower.up && operState(lower) === IF_OPER_UP);
      break;
    case "changemtu":
      for (const dev of set) {
        dev.maxMtu = lower.mtu;
        if (dev.mtu <= lower.mtu) continue;
        dev.mtu = lower.mtu;
        notify(dev, "changemtu");
      }
      break;
    case "unregister":
      // Not where it only moves to another namespace.
      if (lower.gone) for (const dev of [...set]) unregisterDevice(dev);
      break;
    default:
      break;
  }
}
