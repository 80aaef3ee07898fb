/**
 * The machine's network card and the cable to the world outside: a pair of ends, each in a namespace, with a rate and a delay. Stands for virtio-net, whose
 * other end is the host's. The driver takes as many packets as its ring holds; more wait in the device's qdisc.
 */

import { Timer } from "../../sched/timer.ts";
import { forwardSkb, frameLength, registerDevice, setCarrier, wakeQueue } from "../dev.ts";
import { NetDevice } from "../device.ts";
import type { NetNamespace } from "../net-namespace.ts";
import type { SkBuff } from "../skb.ts";

/** Descriptors of the ring. */
const RING = 256;

export interface LinkSpeed {
  /** Bits a second; Infinity: at once. */
  readonly rate: number;
  /** From one end to the other, nanoseconds. */
  readonly delayNs: number;
}

export class UplinkDevice extends NetDevice {
  readonly kind = undefined;
  override carrier = false;
  peer: UplinkDevice | undefined;
  speed: LinkSpeed = { rate: Number.POSITIVE_INFINITY, delayNs: 0 };
  private ring: SkBuff[] = [];
  private readonly arrivals: number[] = [];
  private busyUntilNs = 0;
  private readonly timer = new Timer(() => this.ns.core.softnet.run(() => this.arrived()));

  override get noQueue(): boolean {
    return false;
  }

  override opened(): void {
    if (this.peer?.up !== true) return;
    setCarrier(this, true);
    setCarrier(this.peer, true);
  }

  override closed(): void {
    for (const skb of this.ring) skb.free();
    this.ring = [];
    this.arrivals.length = 0;
    this.stopped = false;
    this.ns.system.sched.timers.cancel(this.timer);
    setCarrier(this, false);
    if (this.peer !== undefined) setCarrier(this.peer, false);
  }

  override removed(): void {
    if (this.peer !== undefined) this.peer.peer = undefined;
    this.peer = undefined;
  }

  override transmit(skb: SkBuff): void {
    const { sched } = this.ns.system;
    const bytes = frameLength(skb);
    this.stats.txPackets++;
    this.stats.txBytes += bytes;
    // It has left the host when it is in the ring: sockets have room for more as it is sent.
    this.busyUntilNs = Math.max(sched.clockNs, this.busyUntilNs) + (bytes * 8e9) / this.speed.rate;
    this.ring.push(skb);
    this.arrivals.push(Math.round(this.busyUntilNs + this.speed.delayNs));
    if (this.ring.length >= RING) this.stopped = true;
    if (!this.timer.armed) sched.timers.arm(this.timer, this.arrivals[0] as number);
  }

  /** The first packet on the wire reaches the other end. */
  private arrived(): void {
    const { sched } = this.ns.system;
    while (this.ring.length > 0 && (this.arrivals[0] as number) <= sched.clockNs) {
      const skb = this.ring.shift() as SkBuff;
      this.arrivals.shift();
      const { peer } = this;
      skb.orphan();
      const bytes = frameLength(skb);
      if (peer === undefined || !peer.up) this.ns.core.drop(skb, this.ns, this, "DEV_READY");
      else if (forwardSkb(peer, skb)) {
        peer.stats.rxPackets++;
        peer.stats.rxBytes += bytes;
      }
    }
    if (this.ring.length > 0) sched.timers.arm(this.timer, this.arrivals[0] as number);
    if (this.stopped && this.ring.length < RING) wakeQueue(this);
  }
}

/** A cable: `name` in `ns`, and its other end. Both are down. */
export function newUplink(
  ns: NetNamespace,
  name: string,
  mac: number,
  world: NetNamespace,
  worldName: string,
  worldMac: number,
  speed: LinkSpeed,
): readonly [UplinkDevice, UplinkDevice] {
  const [near, far] = [new UplinkDevice(ns), new UplinkDevice(world)];
  near.mac = mac;
  far.mac = worldMac;
  near.speed = speed;
  far.speed = speed;
  near.peer = far;
  far.peer = near;
  registerDevice(far, worldName);
  registerDevice(near, name);
  return [near, far];
}
