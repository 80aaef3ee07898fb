/** Which device on a wire has an address, and what bridges lie between: what ARP would find out, looked up instead of asked. */

import type { NetDevice } from "./device.ts";
import { deviceOfAddress } from "./ipv4/fib-lookup.ts";
import { BR_STATE_FORWARDING, BridgeDevice, type BridgePort, bridgePortOf } from "./devices/bridge.ts";
import { MacvlanDevice, macvlansOf } from "./devices/macvlan.ts";
import { UplinkDevice } from "./devices/uplink.ts";
import { VethDevice } from "./devices/veth.ts";

export interface OnWire {
  readonly dev: NetDevice;
  /** Bridges that carry the frame from port to port, in their order. */
  readonly bridges: readonly BridgeDevice[];
  /** Where the device is a bridge: the port that the frame comes in by. */
  readonly port?: BridgePort;
}

/** A place that a frame gets to, going out of a device or coming in by it. */
interface Place extends OnWire {
  readonly inward: boolean;
}

/** The device that answers for `addr` to who sends out of `from`. */
export function findOnWire(from: NetDevice, addr: number): OnWire | undefined {
  const seen = new Set<NetDevice>([from]);
  const open: Place[] = [{ dev: from, bridges: [], inward: false }];
  for (let place = open.shift(); place !== undefined; place = open.shift()) {
    for (const next of place.inward ? inward(place) : outward(place)) {
      if (seen.has(next.dev) || !next.dev.up) continue;
      seen.add(next.dev);
      // A port hands all that comes in to its bridge.
      const receives = next.inward && bridgePortOf(next.dev) === undefined && next.dev.ns !== from.ns;
      if (receives && deviceOfAddress(next.dev.ns, addr) !== undefined) return next;
      open.push(next);
    }
  }
  return undefined;
}

function* outward({ dev, bridges }: Place): Iterable<Place> {
  if (dev instanceof BridgeDevice) {
    for (const port of dev.ports) if (port.state === BR_STATE_FORWARDING) yield { dev: port.dev, bridges, inward: false };
  } else if (dev instanceof MacvlanDevice) {
    for (const other of macvlansOf(dev.lower)) if (other !== dev) yield { dev: other, bridges, inward: true };
    yield { dev: dev.lower, bridges, inward: false };
  } else if ((dev instanceof VethDevice || dev instanceof UplinkDevice) && dev.peer !== undefined) {
    yield { dev: dev.peer, bridges, inward: true };
  }
}

function* inward({ dev, bridges }: Place): Iterable<Place> {
  for (const upper of macvlansOf(dev)) yield { dev: upper, bridges, inward: true };
  const port = bridgePortOf(dev);
  if (port === undefined || port.state !== BR_STATE_FORWARDING) return;
  yield { dev: port.bridge, bridges, inward: true, port };
  for (const other of port.bridge.ports) {
    if (leadsOn(port, other)) yield { dev: other.dev, bridges: [...bridges, port.bridge], inward: false };
  }
}

const leadsOn = (from: BridgePort, to: BridgePort): boolean =>
  to !== from && to.state === BR_STATE_FORWARDING && !(to.isolated && from.isolated);

/** Whether the other end of a port's own cable is this device. */
export const leadsTo = (port: NetDevice, dev: NetDevice): boolean => port.link === dev;
