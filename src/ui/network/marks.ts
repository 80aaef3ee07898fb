/** Marks of the network drawing, around (0, 0). */

/** A mark for each protocol, apart from its hue. */
export const PACKET_MARKS = {
  icmp: "M-5 0L0 -4.500L5 0L0 4.500z",
  tcp: "M-5 -4h10v8h-10z",
  udp: "M-4.500 -4h5l4.500 4l-4.500 4h-5z",
  arp: "M-4.500 0a4.500 4.500 0 1 0 9 0a4.500 4.500 0 1 0-9 0z",
  other: "M-5 -3h10v6h-10z",
} as const;
