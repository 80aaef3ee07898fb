/** The counters of `ip -s`: struct rtnl_link_stats64. */

import * as R from "../../abi/rtnetlink.ts";
import type { IpContext } from "./context.ts";
import type { Attributes } from "./link.ts";

/** Names of the words of the struct, in order. */
const WORDS = [
  ...["rxPackets", "txPackets", "rxBytes", "txBytes", "rxErrors", "txErrors", "rxDropped", "txDropped", "multicast", "collisions"],
  ...["rxLength", "rxOver", "rxCrc", "rxFrame", "rxFifo", "rxMissed", "txAborted", "txCarrier", "txFifo", "txHeartbeat", "txWindow"],
] as const;

export function linkStats(ip: IpContext, attrs: Attributes): void {
  const bytes = attrs.get(R.IFLA_STATS64)?.bytes;
  if (bytes === undefined) return;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stat = (name: (typeof WORDS)[number]): number => {
    const at = WORDS.indexOf(name) * 8;
    return at + 8 > bytes.length ? 0 : view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
  };
  const { out } = ip;
  if (out.json) {
    const more = ip.options.stats > 1;
    out.nest("stats64", () => {
      out.nest("rx", () => {
        const common = { bytes: stat("rxBytes"), packets: stat("rxPackets"), errors: stat("rxErrors"), dropped: stat("rxDropped") };
        for (const [key, value] of Object.entries(common)) out.jsonOnly(key, value);
        out.jsonOnly("over_errors", stat("rxOver"));
        out.jsonOnly("multicast", stat("multicast"));
        if (!more) return;
        out.jsonOnly("length_errors", stat("rxLength"));
        out.jsonOnly("crc_errors", stat("rxCrc"));
        out.jsonOnly("frame_errors", stat("rxFrame"));
        out.jsonOnly("fifo_errors", stat("rxFifo"));
        out.jsonOnly("missed_errors", stat("rxMissed"));
      });
      out.nest("tx", () => {
        const common = { bytes: stat("txBytes"), packets: stat("txPackets"), errors: stat("txErrors"), dropped: stat("txDropped") };
        for (const [key, value] of Object.entries(common)) out.jsonOnly(key, value);
        out.jsonOnly("carrier_errors", stat("txCarrier"));
        out.jsonOnly("collisions", stat("collisions"));
        if (!more) return;
        out.jsonOnly("aborted_errors", stat("txAborted"));
        out.jsonOnly("fifo_errors", stat("txFifo"));
        out.jsonOnly("window_errors", stat("txWindow"));
        out.jsonOnly("heartbeat_errors", stat("txHeartbeat"));
      });
    });
    return;
  }
  const rx = [stat("rxBytes"), stat("rxPackets"), stat("rxErrors"), stat("rxDropped"), stat("rxMissed"), stat("multicast")];
  const tx = [stat("txBytes"), stat("txPackets"), stat("txErrors"), stat("txDropped"), stat("txCarrier"), stat("collisions")];
  // The columns are as wide as the widest of both directions.
  const widths = [...HEADS.rx.keys()].map((i) =>
    Math.max((HEADS.rx[i] as string).length, (HEADS.tx[i] as string).length, String(rx[i]).length, String(tx[i]).length),
  );
  const line = (cells: readonly (string | number)[]): string =>
    cells.map((cell, i) => String(cell).padStart(widths[i] as number)).join(" ");
  out.newline();
  out.textOnly(`    RX: ${line(HEADS.rx)}           `);
  out.newline();
  out.textOnly(`    ${"".padEnd(4)}${line(rx)} `);
  if (ip.options.stats > 1) {
    const errors = [stat("rxLength"), stat("rxCrc"), stat("rxFrame"), stat("rxFifo"), stat("rxOver")];
    out.newline();
    out.textOnly(
      `    RX errors: ${["length", "crc", "frame", "fifo", "overrun"].map((head, i) => head.padStart([7, 6, 7, 7, 7][i] as number)).join(" ")} `.trimEnd(),
    );
    out.newline();
    out.textOnly(`    ${"".padEnd(11)}${errors.map((value, i) => String(value).padStart([7, 6, 7, 7, 7][i] as number)).join(" ")} `);
  }
  out.newline();
  out.textOnly(`    TX: ${line(HEADS.tx)}           `);
  out.newline();
  out.textOnly(`    ${"".padEnd(4)}${line(tx)} `);
  if (ip.options.stats > 1) {
    const errors = [stat("txAborted"), stat("txFifo"), stat("txWindow"), stat("txHeartbeat"), attrs.get(R.IFLA_CARRIER_CHANGES)?.u32 ?? 0];
    out.newline();
    out.textOnly(
      `    TX errors: ${["aborted", "fifo", "window", "heartbt", "transns"].map((head, i) => head.padStart([7, 6, 7, 7, 7][i] as number)).join(" ")}`,
    );
    out.newline();
    out.textOnly(`    ${"".padEnd(11)}${errors.map((value, i) => String(value).padStart([7, 6, 7, 7, 7][i] as number)).join(" ")} `);
  }
}

const HEADS = {
  rx: [" bytes", "packets", "errors", "dropped", " missed", "  mcast"],
  tx: [" bytes", "packets", "errors", "dropped", "carrier", "collsns"],
};
