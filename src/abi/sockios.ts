/** ioctl(2) requests of sockets about network devices: netdevice(7), Linux `include/uapi/linux/sockios.h`, `ethtool.h`. */

/** struct ifreq with an address: host order. */
export interface IfreqAddress {
  readonly name: string;
  readonly addr: number;
}

/** struct ifreq with a number. */
export interface IfreqNumber {
  readonly name: string;
  readonly value: number;
}

/** struct ethtool_drvinfo, and the rest that `ethtool` asks of a device. Strings are empty where a driver says nothing. */
export interface EthtoolDriver {
  readonly driver: string;
  readonly version: string;
  readonly firmwareVersion: string;
  readonly busInfo: string;
}

/** Requests by a name of a device, where nothing else is said. */
export interface SocketIoctls {
  /** Every IPv4 address with its label. */
  SIOCGIFCONF: { arg: undefined; answer: readonly IfreqAddress[] };
  SIOCGIFNAME: { arg: number; answer: string };
  SIOCGIFINDEX: { arg: string; answer: number };
  SIOCGIFFLAGS: { arg: string; answer: number };
  SIOCGIFADDR: { arg: string; answer: number };
  SIOCGIFDSTADDR: { arg: string; answer: number };
  SIOCGIFBRDADDR: { arg: string; answer: number };
  SIOCGIFNETMASK: { arg: string; answer: number };
  SIOCGIFMETRIC: { arg: string; answer: number };
  SIOCGIFMTU: { arg: string; answer: number };
  SIOCGIFTXQLEN: { arg: string; answer: number };
  /** ARPHRD_… and the address. */
  SIOCGIFHWADDR: { arg: string; answer: { readonly family: number; readonly mac: number } };
  SIOCSIFFLAGS: { arg: IfreqNumber; answer: void };
  SIOCSIFADDR: { arg: IfreqAddress; answer: void };
  SIOCSIFNETMASK: { arg: IfreqAddress; answer: void };
  SIOCSIFBRDADDR: { arg: IfreqAddress; answer: void };
  SIOCSIFMTU: { arg: IfreqNumber; answer: void };
  SIOCSIFTXQLEN: { arg: IfreqNumber; answer: void };
  SIOCSIFHWADDR: { arg: IfreqNumber; answer: void };
  /** ETHTOOL_GDRVINFO. */
  SIOCETHTOOL_GDRVINFO: { arg: string; answer: EthtoolDriver };
  /** ETHTOOL_GLINK. */
  SIOCETHTOOL_GLINK: { arg: string; answer: boolean };
  /** ETHTOOL_GLINKSETTINGS: megabits a second, -1 unknown. */
  SIOCETHTOOL_GLINKSETTINGS: { arg: string; answer: { readonly speed: number; readonly fullDuplex: boolean | undefined } };
}
