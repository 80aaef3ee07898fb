#!/usr/bin/env python3
"""Records what internet sockets of a real Linux do over loopback: random calls, none of which blocks, and what poll says of all sockets after each.

Run on Linux as root, in a network namespace of its own:
unshare -n sh -c 'ip link set lo up; python3 src/kernel/net/oracle/record-inet.py' > src/kernel/net/oracle/inet.golden.json
"""
import array, errno, fcntl, json, os, random, select, socket, struct, sys, time

MASK = select.POLLIN | select.POLLOUT | select.POLLRDHUP | select.POLLPRI
SIZES = (0, 1, 3, 100, 3000, 20000)
PORTS = (1001, 1002, 1003)
OPTIONS = {
    "reuseaddr": (socket.SOL_SOCKET, socket.SO_REUSEADDR), "reuseport": (socket.SOL_SOCKET, socket.SO_REUSEPORT),
    "type": (socket.SOL_SOCKET, socket.SO_TYPE), "protocol": (socket.SOL_SOCKET, 38), "domain": (socket.SOL_SOCKET, 39),
    "accepts": (socket.SOL_SOCKET, 30), "keepalive": (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
    "broadcast": (socket.SOL_SOCKET, socket.SO_BROADCAST), "nodelay": (socket.SOL_TCP, socket.TCP_NODELAY),
    "ttl": (socket.SOL_IP, socket.IP_TTL), "tos": (socket.SOL_IP, socket.IP_TOS), "recverr": (socket.SOL_IP, 11), "mtu": (socket.SOL_IP, 14),
}


def addr(letter):
    return {"l": "127.0.0.1", "m": "127.0.0.2", "a": "0.0.0.0", "x": "10.9.9.9", "b": "127.255.255.255"}[letter]


class Case:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.socks = []
        self.next = 0

    def data(self, n):
        out = bytes((self.next + i) & 0xFF for i in range(n))
        self.next += n
        return out

    def add(self, s):
        s.setblocking(False)
        if len(self.socks) < 8:
            self.socks.append(s)
        else:
            s.close()

    @staticmethod
    def shown(name):
        """Ports that were not chosen are random."""
        return [name[0], name[1] if name[1] < 2000 else "any"]

    def do(self, op):
        kind = op[0]
        if kind == "socket":
            self.add(socket.socket(socket.AF_INET, {"stream": socket.SOCK_STREAM, "dgram": socket.SOCK_DGRAM, "raw": socket.SOCK_RAW}[op[1]], op[2]))
            return 0
        s = self.socks[op[1]]
        if s is None:
            raise OSError(errno.EBADF, "")
        if kind == "close":
            s.close()
            self.socks[op[1]] = None
        elif kind == "bind":
            s.bind((addr(op[2]), op[3]))
        elif kind == "listen":
            s.listen(op[2])
        elif kind == "connect":
            s.connect((addr(op[2]), op[3]))
        elif kind == "disconnect":
            # connect(2) with AF_UNSPEC, which Python does not offer.
            import ctypes
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.connect(s.fileno(), struct.pack("H14x", 0), 16) != 0:
                raise OSError(ctypes.get_errno(), "")
        elif kind == "accept":
            c, name = s.accept()
            self.add(c)
            return self.shown(name)
        elif kind == "send":
            return s.send(self.data(op[2]), socket.MSG_NOSIGNAL)
        elif kind == "sendto":
            return s.sendto(self.data(op[2]), socket.MSG_NOSIGNAL, (addr(op[3]), op[4]))
        elif kind == "recv":
            got, _, flags, name = s.recvmsg(op[2], 0, op[3])
            n = len(got)
            return [n, got[0] if n else -1, got[-1] if n else -1, flags & socket.MSG_TRUNC, self.shown(name) if name else None]
        elif kind == "shutdown":
            s.shutdown(op[2])
        elif kind == "error":
            return s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        elif kind == "queued":
            buf = array.array("i", [0])
            fcntl.ioctl(s.fileno(), 0x541B, buf)
            return buf[0]
        elif kind == "linger":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif kind == "get":
            return s.getsockopt(*OPTIONS[op[2]])
        elif kind == "set":
            s.setsockopt(*OPTIONS[op[2]], op[3])
        elif kind == "name":
            return self.shown(s.getsockname())
        elif kind == "peer":
            return self.shown(s.getpeername())
        elif kind == "state":
            return s.getsockopt(socket.SOL_TCP, socket.TCP_INFO, 1)[0]
        return 0

    def choose(self):
        r = self.rng
        live = [i for i, s in enumerate(self.socks) if s is not None]
        if len(live) < 2 or r.random() < 0.09:
            return r.choice((["socket", "stream", 0], ["socket", "stream", 0], ["socket", "dgram", 0], ["socket", "dgram", 0], ["socket", "stream", r.choice((6, 17, 1, 255, 300))],
                             ["socket", "dgram", r.choice((17, 6, 1, 255))], ["socket", "raw", r.choice((0, 253))]))
        i = r.choice(live)
        where = [r.choice("lllma"), r.choice(PORTS)]
        any_where = [r.choice("lllllmaxb"), r.choice(PORTS + (0,))]
        size = r.choice(SIZES)
        return r.choice((
            ["bind", i] + where, ["bind", i, "l", r.choice(PORTS)], ["bind", i, r.choice("lax"), r.choice((0, 1001))],
            ["listen", i, r.choice((0, 1, 5))], ["listen", i, 5], ["connect", i] + any_where, ["connect", i, "l", r.choice(PORTS)], ["connect", i, "l", r.choice(PORTS)],
            ["accept", i], ["accept", i], ["send", i, size], ["send", i, size], ["sendto", i, size] + any_where, ["sendto", i, 3, "l", r.choice(PORTS)],
            ["recv", i, r.choice((1, 10, 5000, 100000)), 0], ["recv", i, r.choice((1, 10, 100000)), 0], ["recv", i, r.choice((0, 10, 100000)), r.choice((0, socket.MSG_PEEK, socket.MSG_TRUNC))],
            ["shutdown", i, r.choice((0, 1, 1, 2, 2, 3))], ["error", i], ["queued", i], ["close", i], ["linger", i], ["disconnect", i],
            ["get", i, r.choice(list(OPTIONS))], ["set", i, r.choice(("reuseaddr", "reuseaddr", "reuseport", "keepalive", "broadcast", "nodelay", "recverr")), r.choice((0, 1, 1))],
            ["set", i, r.choice(("ttl", "tos")), r.choice((0, 1, 64, 300))], ["name", i], ["peer", i], ["state", i],
        ))

    def poll(self):
        p = select.poll()
        for s in self.socks:
            if s is not None:
                p.register(s, MASK)
        got = dict(p.poll(0))
        return [got.get(s.fileno(), 0) if s is not None else -1 for s in self.socks]

    def run(self):
        steps = []
        for _ in range(self.rng.randrange(10, 50)):
            op = self.choose()
            try:
                result = self.do(op)
            except OSError as e:
                result = errno.errorcode[e.errno].replace("ENOTSUP", "EOPNOTSUPP")
            time.sleep(0.002)
            steps.append({"op": op, "result": result, "poll": self.poll()})
        for s in self.socks:
            if s is not None:
                # Nothing of a case may be in the way of the next one.
                try:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                except OSError:
                    pass
                s.close()
        return steps


def isolated(seed):
    """In a namespace of its own, since what is left of connections lives for a minute."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(r)
        os.unshare(0x40000000) if hasattr(os, "unshare") else __import__("ctypes").CDLL(None).unshare(0x40000000)
        lo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        fcntl.ioctl(lo, 0x8914, struct.pack("16sH14x", b"lo", 0x49))
        lo.close()
        with os.fdopen(w, "w") as f:
            json.dump(Case(seed).run(), f, separators=(",", ":"))
        os._exit(0)
    os.close(w)
    with os.fdopen(r) as f:
        text = f.read()
    os.waitpid(pid, 0)
    return text


def steady(seed):
    while True:
        one, two = isolated(seed), isolated(seed)
        if one == two:
            return one


count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
print("[")
print(",\n".join(steady(seed) for seed in range(count)))
print("]")
