#!/usr/bin/env python3
"""Records what the line discipline of a real Linux does: random keys and settings on a pty.

Run on Linux: python3 src/kernel/tty/oracle/record.py > src/kernel/tty/oracle/n-tty.golden.json
"""
import json, os, random, select, sys, termios, time

L = {n: getattr(termios, n) for n in ("ISIG", "ICANON", "ECHO", "ECHOE", "ECHOK", "ECHONL", "NOFLSH", "IEXTEN")}
L.update(ECHOCTL=0o1000, ECHOPRT=0o2000, ECHOKE=0o4000)
I = {n: getattr(termios, n) for n in ("ISTRIP", "INLCR", "IGNCR", "ICRNL", "IXON", "IXANY")}
I.update(IUTF8=0o40000)
O = {n: getattr(termios, n) for n in ("OPOST", "OLCUC", "ONLCR", "OCRNL", "ONOCR", "ONLRET")}
O.update(XTABS=0o14000)

KEYS = [b"a", b"b", b"Z", b"_", b"0", b" ", b" ", b"\t", b"\t", b"\x7f", b"\x7f", b"\x7f", b"\x15", b"\x17", b"\x17", b"\x16",
        b"\x12", b"\x04", b"\n", b"\r", b"\x03", b"\x1a", b"\x13", b"\x11", b"\x01", b"\x1b[A", b"\xff",
        "é".encode(), "漢".encode(), b"foo bar", b"x\ty", b"%"]
WRITES = [b"out", b"a\tb", b"line\n", b"\r\n", b"\b", b"\r", "é漢".encode(), b"$ "]


def drain(fd):
    out = b""
    while select.select([fd], [], [], 0)[0]:
        out += os.read(fd, 65536)
    return out


def case(rng):
    master, slave = os.openpty()
    os.set_blocking(slave, False)
    t = termios.tcgetattr(slave)
    for word, flags, chance in ((0, I, 0.15), (1, O, 0.12), (3, L, 0.12)):
        for bit in flags.values():
            if rng.random() < chance:
                t[word] ^= bit
    if rng.random() < 0.5:
        t[0] |= I["IUTF8"]
    cc = [c[0] if isinstance(c, bytes) else c for c in t[6]][:17]
    if rng.random() < 0.1:
        cc[11] = ord("%")
    if rng.random() < 0.1:
        cc[2] = 8
    t[6] = [bytes([c]) for c in cc] + t[6][17:]
    if not t[3] & L["ICANON"]:
        t[6][5], t[6][6] = 0, 1
    termios.tcsetattr(slave, termios.TCSANOW, t)
    steps = []
    for _ in range(rng.randrange(4, 24)):
        if rng.random() < 0.12:
            data = rng.choice(WRITES)
            try:
                n = os.write(slave, data)
            except BlockingIOError:
                n = -1
            step = {"write": data.hex(), "n": n}
        else:
            data = rng.choice(KEYS)
            os.write(master, data)
            step = {"key": data.hex()}
        time.sleep(0.006)
        step["out"] = drain(master).hex()
        steps.append(step)
    time.sleep(0.03)
    steps[-1]["out"] += drain(master).hex()
    size = rng.choice((1, 3, 7, 100, 100))
    reads = []
    for _ in range(40):
        try:
            reads.append(os.read(slave, size).hex())
        except BlockingIOError:
            break
    time.sleep(0.001)
    os.close(master)
    os.close(slave)
    return {"iflag": t[0], "oflag": t[1], "lflag": t[3], "cc": cc, "steps": steps, "size": size, "reads": reads}


def essence(c):
    return "".join(s["out"] for s in c["steps"]), c["reads"]


def steady(seed):
    """A case that came out alike twice: on a busy machine echo may be late."""
    while True:
        one, two = case(random.Random(seed)), case(random.Random(seed))
        if essence(one) == essence(two):
            return one


count = int(sys.argv[1]) if len(sys.argv) > 1 else 250
print("[")
print(",\n".join(json.dumps(steady(seed)) for seed in range(count)))
print("]")
