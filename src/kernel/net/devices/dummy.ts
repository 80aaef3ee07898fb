/** A device that swallows what is sent: Linux `drivers/net/dummy.c`. */

import { frameLength } from "../dev.ts";
import { IFF_BROADCAST, IFF_NOARP, NetDevice } from "../device.ts";
import type { SkBuff } from "../skb.ts";

export class DummyDevice extends NetDevice {
  readonly kind = "dummy";
  // No multicast and no ARP: nobody is there to answer.
  override flags = IFF_BROADCAST | IFF_NOARP;
  override minMtu = 0;
  override maxMtu = 0;

  override transmit(skb: SkBuff): void {
    this.stats.txPackets++;
    this.stats.txBytes += frameLength(skb);
    skb.orphan();
    this.ns.core.consume(skb, this.ns, this);
  }
}
