/** The loopback device of each network namespace: Linux `drivers/net/loopback.c`. */

import { frameLength, netifRx } from "../dev.ts";
import { IFF_LOOPBACK, NetDevice, PACKET_HOST } from "../device.ts";
import type { SkBuff } from "../skb.ts";

export class LoopbackDevice extends NetDevice {
  readonly kind = undefined;
  override flags = IFF_LOOPBACK;
  override mtu = 65_536;
  override minMtu = 0;
  override maxMtu = 0;

  override get namespaceLocal(): boolean {
    return true;
  }

  override get virtual(): boolean {
    return true;
  }

  /** What goes out comes in. */
  override transmit(skb: SkBuff): void {
    skb.orphan();
    skb.pkttype = PACKET_HOST;
    skb.iif = 0;
    const bytes = frameLength(skb);
    if (!netifRx(skb, this)) return;
    const { stats } = this;
    stats.txPackets++;
    stats.txBytes += bytes;
    stats.rxPackets++;
    stats.rxBytes += bytes;
  }
}
