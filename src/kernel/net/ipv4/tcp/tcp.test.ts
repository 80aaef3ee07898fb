/** TCP against a scripted peer, and against itself over bad links. */

import { describe, expect, it } from "vitest";
import { ECONNREFUSED, ECONNRESET, EPIPE, ETIMEDOUT } from "../../../../abi/errno.ts";
import { Random } from "../../../random.ts";
import type { TcpHeader } from "../../skb.ts";
import { close, readBytes, shutdownSend, writeBytes } from "./close.ts";
import { receiveSegment } from "./input.ts";
import { Pair, Scripted } from "./testing.ts";

const bytes = (n: number, from = 0): Uint8Array => Uint8Array.from({ length: n }, (_, i) => (from + i) & 255);

describe("opening", () => {
  it("a SYN offers the options, SYN+ACK establishes, the answer is an ACK", () => {
    const s = new Scripted({ params: { timestamps: true } });
    s.connect();
    const syn = s.sent[0]?.header;
    expect([syn?.mss, syn?.window, syn?.windowScale, syn?.sackPermitted]).toEqual([1460, 64_240, 7, true]);
    expect(s.take()).toEqual(["S 0"]);
    s.inject("S.", 0, 0, 1, { mss: 1460, windowScale: 7, sackPermitted: true, timestamps: [77, s.tcb.tsNow()] });
    expect(s.tcb.state).toBe("ESTABLISHED");
    expect(s.take()).toEqual([". 1 ack 1"]);
    expect(s.tcb.mss).toBe(1448);
    expect(s.tcb.sndbuf).toBe(87_040);
  });

  it("a SYN is repeated six times in 127 seconds, then the connection times out", () => {
    const s = new Scripted();
    s.connect();
    const times: number[] = [];
    const start = s.clock.nowNs;
    for (let ms = 0; ms < 130_000; ms += 500) {
      s.pass(500);
      if (s.take().length > 0) times.push((s.clock.nowNs - start) / 1e9);
    }
    expect(times).toEqual([0.5, 1, 3, 7, 15, 31, 63]);
    expect(s.tcb.state).toBe("CLOSE");
    expect(s.tcb.error).toBe(ETIMEDOUT);
  });

  it("a reset refuses", () => {
    const s = new Scripted();
    s.connect();
    s.inject("R.", 0, 0, 1);
    expect([s.tcb.state, s.tcb.error]).toEqual(["CLOSE", ECONNREFUSED]);
  });

  it("an ACK of something else asks for a reset", () => {
    const s = new Scripted();
    s.connect();
    expect(s.inject(".", 0, 0, 500)).toBe(false);
    expect(s.tcb.state).toBe("SYN_SENT");
  });

  it("both sides open at once", () => {
    const s = new Scripted();
    s.connect();
    s.take();
    s.inject("S", 0, 0, 0, { mss: 1000 });
    expect(s.tcb.state).toBe("SYN_RECV");
    expect(s.take()).toEqual(["S. 0 ack 1"]);
    s.inject(".", 1, 0, 1);
    expect(s.tcb.state).toBe("ESTABLISHED");
  });

  it("a peer without options gets segments of 536 bytes and no window scale", () => {
    const s = new Scripted().established(65_535, 0);
    expect([s.tcb.mss, s.tcb.sndWscale, s.tcb.rcvWscale, s.tcb.sackOk]).toEqual([536, 0, 0, false]);
  });
});

describe("data", () => {
  it("goes in one packet for several segments, pushed at the end, and is acknowledged", () => {
    const s = new Scripted().established();
    writeBytes(s.tcb, bytes(3000));
    expect([s.sent[0]?.gsoSize, s.take()]).toEqual([1460, ["P. 1(3000) ack 1"]]);
    s.inject(".", 1, 0, 3001);
    expect(s.tcb.queuedBytes).toBe(0);
  });

  it("Nagle holds a short segment while another is under way, TCP_NODELAY does not, TCP_CORK always", () => {
    const s = new Scripted().established();
    writeBytes(s.tcb, bytes(10));
    writeBytes(s.tcb, bytes(10));
    expect(s.take()).toEqual(["P. 1(10) ack 1"]);
    s.inject(".", 1, 0, 11);
    expect(s.take()).toEqual(["P. 11(10) ack 1"]);
    s.tcb.nodelay = true;
    writeBytes(s.tcb, bytes(10));
    expect(s.take()).toEqual(["P. 21(10) ack 1"]);
    s.tcb.cork = true;
    writeBytes(s.tcb, bytes(10));
    expect(s.take()).toEqual([]);
  });

  it("in order is readable; the ACK of a first segment goes at once, of a conversation with the data", () => {
    const s = new Scripted().established();
    s.inject("P.", 1, 100, 1);
    expect(s.take()).toEqual([". 1 ack 101"]);
    const buf = new Uint8Array(200);
    expect(readBytes(s.tcb, buf, true)).toBe(100);
    expect(readBytes(s.tcb, buf, false)).toBe(100);
    expect(buf.slice(0, 3)).toEqual(Uint8Array.of(1, 2, 3));
    writeBytes(s.tcb, bytes(5));
    expect(s.take()).toEqual(["P. 1(5) ack 101"]);
    s.inject("P.", 101, 10, 6);
    expect(s.take()).toEqual([]);
    s.pass(40);
    expect(s.take()).toEqual([". 6 ack 111"]);
  });

  it("out of order waits, is named by SACK, and comes in order in the end", () => {
    const s = new Scripted().established(65_535, 1460, { sackPermitted: true });
    s.inject(".", 101, 100, 1);
    s.inject(".", 301, 100, 1);
    expect(s.take()).toEqual([". 1 ack 1 sack 101:201", ". 1 ack 1 sack 301:401,101:201"]);
    s.inject(".", 201, 100, 1);
    expect(s.take()).toEqual([". 1 ack 1 sack 101:401"]);
    expect(s.tcb.unread).toBe(0);
    s.inject(".", 1, 100, 1);
    expect(s.take()).toEqual([". 1 ack 401"]);
    const buf = new Uint8Array(400);
    readBytes(s.tcb, buf, false);
    expect(buf).toEqual(bytes(400, 1));
  });

  it("the same again is acknowledged again and read once", () => {
    const s = new Scripted().established();
    s.inject(".", 1, 100, 1);
    s.take();
    s.inject(".", 1, 100, 1);
    expect(s.take()).toEqual([". 1 ack 101"]);
    s.inject(".", 51, 100, 1);
    expect([s.tcb.unread, s.take()]).toEqual([150, [". 1 ack 151"]]);
  });

  it("a full buffer closes the window; reading opens it and says so", () => {
    const s = new Scripted().established();
    let seq = 1;
    for (let i = 0; i < 200; i++) {
      const room = s.tcb.receiveWindow;
      if (room === 0) break;
      const n = Math.min(1460, room);
      s.inject("P.", seq, n, 1);
      seq += n;
      s.pass(50);
    }
    expect(s.sent[s.sent.length - 1]?.header.window).toBe(0);
    s.take();
    s.inject("P.", seq, 1, 1);
    expect([s.take(), s.tcb.rcvNxt]).toEqual([[`. 1 ack ${seq}`], (s.irs + seq) >>> 0]);
    readBytes(s.tcb, new Uint8Array(100_000), false);
    expect(s.sent.length).toBe(1);
    expect(s.sent[0]?.header.window).toBeGreaterThan(30_000);
  });

  it("a closed window is probed, at growing intervals, and the data goes when it opens", () => {
    const s = new Scripted().established();
    s.inject(".", 1, 0, 1, { window: 0 });
    writeBytes(s.tcb, bytes(10));
    expect(s.take()).toEqual([]);
    const gaps: string[][] = [];
    for (let i = 0; i < 4; i++) {
      s.clock.runUntil(s.clock.nextNs);
      gaps.push(s.take());
      s.inject(".", 1, 0, 1, { window: 0 });
    }
    expect(gaps).toEqual([[". 0 ack 1"], [". 0 ack 1"], [". 0 ack 1"], [". 0 ack 1"]]);
    s.inject(".", 1, 0, 1, { window: 1000 });
    expect(s.take()).toEqual(["P. 1(10) ack 1"]);
  });
});

describe("loss", () => {
  it("three duplicate ACKs send the first segment again, without waiting", () => {
    const s = new Scripted().established();
    writeBytes(s.tcb, bytes(14_600));
    s.take();
    for (let i = 0; i < 2; i++) s.inject(".", 1, 0, 1);
    expect(s.take()).toEqual([]);
    s.inject(".", 1, 0, 1);
    expect(s.take()[0]).toBe(". 1(1460) ack 1");
    expect([s.tcb.caState, s.tcb.ssthresh]).toEqual(["Recovery", 5]);
    s.inject(".", 1, 0, 14_601);
    expect([s.tcb.caState, s.tcb.ssthresh]).toEqual(["Open", 5]);
  });

  it("SACK blocks tell which segments to send again", () => {
    const s = new Scripted().established(65_535, 1460, { sackPermitted: true });
    writeBytes(s.tcb, bytes(14_600));
    s.take();
    const sack = (blocks: [number, number][]): void => {
      s.inject(".", 1, 0, 1, { sack: blocks.map(([a, b]) => [(s.iss + a) >>> 0, (s.iss + b) >>> 0]) });
    };
    sack([[1461, 2921]]);
    sack([
      [1461, 2921],
      [4381, 5841],
    ]);
    sack([
      [1461, 2921],
      [4381, 7301],
    ]);
    expect(s.take()).toEqual([". 1(1460) ack 1"]);
    sack([
      [1461, 2921],
      [4381, 10_221],
    ]);
    sack([
      [1461, 2921],
      [4381, 13_141],
    ]);
    expect(s.take()).toEqual([". 2921(1460) ack 1"]);
  });

  it("without an answer the timer sends it again, doubling, and gives up after a quarter of an hour", () => {
    const s = new Scripted().established();
    writeBytes(s.tcb, bytes(10));
    s.take();
    const start = s.clock.nowNs;
    const times: number[] = [];
    while (s.tcb.state !== "CLOSE") {
      s.clock.runUntil(s.clock.nextNs);
      if (s.take().length > 0) times.push(Math.round((s.clock.nowNs - start) / 1e8) / 10);
    }
    expect(times).toEqual([0.2, 0.6, 1.4, 3, 6.2, 12.6, 25.4, 51, 102.2, 204.6, 324.6, 444.6, 564.6, 684.6, 804.6]);
    expect(Math.round((s.clock.nowNs - start) / 1e8) / 10).toBe(924.6);
    expect(s.tcb.error).toBe(ETIMEDOUT);
  });

  it("a timeout begins again with one segment", () => {
    const s = new Scripted().established();
    writeBytes(s.tcb, bytes(14_600));
    s.take();
    s.pass(250);
    expect(s.take()).toEqual([". 1(1460) ack 1"]);
    expect([s.tcb.caState, s.tcb.cwnd, s.tcb.ssthresh]).toEqual(["Loss", 1, 5]);
    s.inject(".", 1, 0, 1461);
    expect(s.take()).toEqual([". 1461(2920) ack 1"]);
    s.inject(".", 1, 0, 14_601);
    expect(s.tcb.caState).toBe("Open");
  });
});

describe("the end", () => {
  it("close sends FIN; ACK and FIN of the other side lead to TIME_WAIT", () => {
    const s = new Scripted().established();
    close(s.tcb, false);
    expect(s.take()).toEqual(["F. 1 ack 1"]);
    expect(s.tcb.state).toBe("FIN_WAIT1");
    s.inject(".", 1, 0, 2);
    expect(s.host.timeWaits).toEqual(["FIN_WAIT2"]);
  });

  it("ACK and FIN in one segment lead a closed end to TIME_WAIT at once", () => {
    const s = new Scripted().established();
    close(s.tcb, false);
    s.take();
    s.inject("F.", 1, 0, 2);
    expect([s.host.timeWaits, s.take()]).toEqual([["TIME_WAIT"], [". 2 ack 2"]]);
  });

  it("a FIN of the other side ends reading; closing then is LAST_ACK", () => {
    const s = new Scripted().established();
    s.inject("F.", 1, 0, 1);
    expect(s.tcb.state).toBe("CLOSE_WAIT");
    s.pass(50);
    expect(s.take()).toEqual([". 1 ack 2"]);
    close(s.tcb, false);
    expect(s.take()).toEqual(["F. 1 ack 2"]);
    s.inject(".", 2, 0, 2);
    expect(s.host.states.slice(-2)).toEqual(["LAST_ACK", "CLOSE"]);
  });

  it("half closed: data still comes; then FIN and TIME_WAIT", () => {
    const s = new Scripted().established();
    shutdownSend(s.tcb);
    s.inject(".", 1, 0, 2);
    expect(s.tcb.state).toBe("FIN_WAIT2");
    s.inject("P.", 1, 10, 2);
    expect(s.tcb.unread).toBe(10);
    s.inject("F.", 11, 0, 2);
    expect([s.host.timeWaits, s.tcb.state, s.tcb.unread]).toEqual([["TIME_WAIT"], "CLOSE", 10]);
  });

  it("both close at once: CLOSING, then TIME_WAIT", () => {
    const s = new Scripted().established();
    shutdownSend(s.tcb);
    s.inject("F.", 1, 0, 1);
    expect(s.tcb.state).toBe("CLOSING");
    s.inject(".", 2, 0, 2);
    expect(s.host.timeWaits).toEqual(["TIME_WAIT"]);
  });

  it("close with unread data resets", () => {
    const s = new Scripted().established();
    s.inject("P.", 1, 10, 1);
    s.take();
    close(s.tcb, false);
    expect([s.take(), s.tcb.state]).toEqual([["R. 1 ack 11"], "CLOSE"]);
  });

  it("data for a closed end resets", () => {
    const s = new Scripted().established();
    close(s.tcb, false);
    s.take();
    s.inject("P.", 1, 10, 1);
    expect([s.take(), s.tcb.state]).toEqual([["R. 2 ack 1"], "CLOSE"]);
  });

  it("unsent data goes before the FIN", () => {
    const s = new Scripted().established(1000);
    writeBytes(s.tcb, bytes(2000));
    close(s.tcb, false);
    s.take();
    s.inject(".", 1, 0, 1001, { window: 5000 });
    expect(s.take().join()).toMatch(/F/);
  });

  it("a reset in the middle is ECONNRESET, after the other side's FIN EPIPE; out of place it is challenged", () => {
    const s = new Scripted().established();
    s.inject("R.", 500, 0, 1);
    expect([s.tcb.state, s.take()]).toEqual(["ESTABLISHED", [". 1 ack 1"]]);
    s.inject("R", 1_000_000, 0, 1);
    expect(s.tcb.state).toBe("ESTABLISHED");
    s.inject("R.", 1, 0, 1);
    expect([s.tcb.state, s.tcb.error]).toEqual(["CLOSE", ECONNRESET]);
    const t = new Scripted().established();
    t.inject("F.", 1, 0, 1);
    t.inject("R.", 2, 0, 1);
    expect(t.tcb.error).toBe(EPIPE);
  });
});

describe("keepalive", () => {
  it("asks after two hours of silence, nine times, then resets", () => {
    const s = new Scripted();
    s.tcb.keepalive = true;
    s.established();
    s.tcb.keepalive = true;
    s.pass(7_199_000);
    expect(s.take()).toEqual([]);
    s.pass(2_000);
    expect(s.take()).toEqual([". 0 ack 1"]);
    s.pass(8 * 75_000);
    expect(s.take().length).toBe(8);
    s.pass(75_000);
    expect([s.take(), s.tcb.error]).toEqual([["R. 1 ack 1"], ETIMEDOUT]);
  });

  it("an idle connection arms nothing", () => {
    const s = new Scripted().established();
    writeBytes(s.tcb, bytes(10));
    s.inject(".", 1, 0, 11);
    s.inject("P.", 1, 10, 11);
    s.pass(1000);
    expect(s.clock.nextNs).toBe(Number.POSITIVE_INFINITY);
  });
});

it("takes random segments without throwing, and its books stay right", () => {
  for (let seed = 1; seed <= 150; seed++) {
    const random = new Random(seed);
    const s = new Scripted({ params: { timestamps: random.below(2) === 0 } });
    s.established(random.below(65_536), random.below(2000), { sackPermitted: random.below(2) === 0, windowScale: random.below(15) });
    for (let i = 0; i < 60; i++) {
      const near = (base: number): number => (base + random.below(6000) - 3000) >>> 0;
      const header: TcpHeader = {
        kind: "tcp",
        srcPort: 80,
        dstPort: 40_000,
        seq: random.below(10) === 0 ? random.next() : random.below(2) === 0 ? s.tcb.rcvNxt : near(s.tcb.rcvNxt),
        ack: random.below(10) === 0 ? random.next() : random.below(2) === 0 ? s.tcb.sndNxt : near(s.tcb.sndUna),
        flags: random.below(4) === 0 ? random.below(64) : 16,
        window: random.below(65_536),
        mss: random.below(3000),
        windowScale: random.below(2) === 0 ? undefined : random.below(256),
        sackPermitted: random.below(2) === 0,
        timestamps: random.below(2) === 0 ? undefined : [random.next(), s.tcb.tsNow()],
        ...(random.below(3) === 0 ? { sack: [[near(s.tcb.sndUna), near(s.tcb.sndNxt)]] as const } : {}),
      };
      receiveSegment(s.tcb, header, bytes(random.below(3) === 0 ? random.below(3000) : 0));
      if (random.below(3) === 0 && s.tcb.state === "ESTABLISHED") writeBytes(s.tcb, bytes(random.below(5000)));
      if (random.below(4) === 0) readBytes(s.tcb, new Uint8Array(random.below(5000)), false);
      if (random.below(20) === 0) s.pass(random.below(3000));
      if (random.below(60) === 0) close(s.tcb, random.below(2) === 0);
      const { tcb } = s;
      expect(tcb.packetsOut).toBe(tcb.sent.reduce((sum, x) => sum + x.count, 0));
      if (tcb.state === "CLOSE") break;
      expect(tcb.cwnd).toBeGreaterThan(0);
      const unacked = tcb.sent.reduce((sum, x) => sum + x.payload.length, 0) + tcb.unsent.length;
      expect(tcb.queuedBytes - unacked).toBeGreaterThanOrEqual(0);
      expect(tcb.queuedBytes - unacked).toBeLessThanOrEqual(1);
    }
  }
});

describe("over a link", () => {
  const run = (seed: number, faults: ConstructorParameters<typeof Pair>[1], total: number, params = {}): { ms: number; log: number } => {
    const pair = new Pair(seed, faults, 1500, params);
    const random = new Random(seed + 1000);
    const room = new Uint8Array(10_000);
    let written = 0;
    let got = 0;
    let closed = false;
    for (let n = 0; n < 2_000_000 && got < total; n++) {
      const { a, b } = pair;
      const before = got + written + pair.clock.runUntil(pair.clock.nextNs, 1);
      if (a.tcb.state === "ESTABLISHED" && written < total && a.tcb.sendRoom > 0) {
        written += writeBytes(a.tcb, bytes(Math.min(total - written, 1 + random.below(20_000)), written));
      } else if (written === total && !closed) {
        closed = true;
        shutdownSend(a.tcb);
      }
      const buf = room.subarray(0, 1 + random.below(10_000));
      const count = b.tcb.unread > 0 ? readBytes(b.tcb, buf, false) : 0;
      for (let i = 0; i < count; i++) if (buf[i] !== ((got + i) & 255)) throw new Error(`byte ${got + i} is wrong`);
      got += count;
      if (got + written === before && !Number.isFinite(pair.clock.nextNs)) break;
    }
    expect([seed, got]).toEqual([seed, total]);
    pair.clock.runUntil(pair.clock.nowNs + 300e9);
    expect(pair.b.tcb.finReceived).toBe(true);
    return { ms: Math.round(pair.clock.nowNs / 1e6), log: pair.delivered };
  };

  it("all bytes come, in order, whatever is lost, doubled or overtaken", { timeout: 60_000 }, () => {
    for (let seed = 1; seed <= 15; seed++) {
      run(seed, { delayNs: 5e6, jitterNs: (seed % 3) * 5e6, loss: (seed % 5) * 20, duplicate: (seed % 4) * 20 }, 200_000, {
        sack: seed % 2 === 0,
        timestamps: seed % 3 !== 0,
      });
    }
  });

  it("the same seed gives the same run", () => {
    const faults = { delayNs: 5e6, jitterNs: 3e6, loss: 20, duplicate: 5 };
    expect(run(7, faults, 200_000)).toEqual(run(7, faults, 200_000));
  });
});
