#!/usr/bin/env python3
"""Records what Unix sockets and pipes of a real Linux do: random calls, none of which blocks, and what poll says of all after each.

Run on Linux: python3 src/kernel/net/oracle/record.py > src/kernel/net/oracle/sockets.golden.json
"""
import array, errno, fcntl, json, os, random, select, socket, sys, time

MASK = select.POLLIN | select.POLLOUT | select.POLLRDHUP | select.POLLPRI
TYPES = {"stream": socket.SOCK_STREAM, "dgram": socket.SOCK_DGRAM, "seqpacket": socket.SOCK_SEQPACKET}
SIZES = (0, 1, 3, 100, 700, 3000, 5000, 40000, 70000)


class Case:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.seed = seed
        self.slots = []
        self.next = 0

    def name(self, letter):
        return f"\0drydock-{os.getpid()}-{self.seed}-{letter}"

    def add(self, fd):
        os.set_blocking(fd, False)
        if len(self.slots) < 10:
            self.slots.append(fd)
        else:
            os.close(fd)

    def data(self, n):
        out = bytes((self.next + i) & 0xFF for i in range(n))
        self.next += n
        return out

    def do(self, op):
        kind = op[0]
        if kind == "pipe":
            r, w = os.pipe()
            self.add(r), self.add(w)
            return 0
        if kind == "pair":
            a, b = socket.socketpair(socket.AF_UNIX, TYPES[op[1]])
            self.add(a.detach()), self.add(b.detach())
            return 0
        if kind == "socket":
            self.add(socket.socket(socket.AF_UNIX, TYPES[op[1]]).detach())
            return 0
        fd = self.slots[op[1]]
        if kind == "close":
            os.close(fd)
            self.slots[op[1]] = -1
            return 0
        if kind == "write":
            return os.write(fd, self.data(op[2]))
        if kind == "read":
            got = os.read(fd, op[2])
            return [len(got), got[0] if got else -1, got[-1] if got else -1]
        # socket.socket(fileno=…) itself asks for the address: not for pipes.
        if (os.fstat(fd).st_mode & 0o170000) != 0o140000:
            raise OSError(errno.ENOTSOCK, "")
        s = socket.socket(fileno=os.dup(fd))
        with s:
            s.setblocking(False)
            if kind == "bind":
                s.bind(self.name(op[2]))
            elif kind == "listen":
                s.listen(op[2])
            elif kind == "connect":
                s.connect(self.name(op[2]))
            elif kind == "accept":
                self.add(s.accept()[0].detach())
            elif kind == "send":
                return s.send(self.data(op[2]), op[3])
            elif kind == "sendto":
                return s.sendto(self.data(op[2]), self.name(op[3]))
            elif kind == "sendfd":
                files = [self.slots[i] for i in op[3]]
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))]
                return s.sendmsg([self.data(op[2])], rights)
            elif kind == "recv":
                got, control, flags, _ = s.recvmsg(op[2], 1000, op[3])
                fds = array.array("i")
                for _, _, payload in control:
                    fds.frombytes(payload)
                for n in fds:
                    self.add(n)
                return [len(got), got[0] if got else -1, got[-1] if got else -1, len(fds), flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC)]
            elif kind == "shutdown":
                s.shutdown(op[2])
            elif kind == "error":
                return s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            elif kind == "accepts":
                return s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            elif kind == "queued":
                buf = array.array("i", [0])
                fcntl.ioctl(fd, 0x541B, buf)
                return buf[0]
        return 0

    def choose(self):
        r = self.rng
        live = [i for i, fd in enumerate(self.slots) if fd >= 0]
        if len(live) < 2 or r.random() < 0.08:
            return r.choice((["pipe"], ["pair", r.choice(list(TYPES))], ["pair", "stream"], ["socket", r.choice(list(TYPES))], ["socket", "stream"]))
        i = r.choice(live)
        return r.choice((
            ["write", i, r.choice(SIZES)], ["write", i, r.choice(SIZES)], ["read", i, r.choice((1, 10, 5000, 100000))],
            ["read", i, r.choice((1, 10, 5000, 100000))], ["send", i, r.choice(SIZES), 0],
            ["recv", i, r.choice((1, 10, 5000, 100000)), r.choice((0, 0, socket.MSG_PEEK, socket.MSG_TRUNC))],
            ["recv", i, r.choice((1, 10, 5000, 100000)), 0],
            ["bind", i, r.choice("ab")], ["listen", i, r.choice((0, 1, 5))], ["connect", i, r.choice("ab")], ["connect", i, r.choice("ab")],
            ["accept", i], ["sendto", i, r.choice(SIZES), r.choice("ab")], ["sendfd", i, r.choice((1, 100)), r.choices(live, k=r.choice((1, 2)))],
            ["shutdown", i, r.choice((0, 1, 2))], ["error", i], ["accepts", i], ["queued", i], ["close", i],
        ))

    def poll(self):
        p = select.poll()
        for fd in self.slots:
            if fd >= 0:
                p.register(fd, MASK)
        got = dict(p.poll(0))
        return [got.get(fd, 0) if fd >= 0 else -1 for fd in self.slots]

    def run(self):
        steps = []
        for _ in range(self.rng.randrange(10, 60)):
            op = self.choose()
            try:
                result = self.do(op)
            except OSError as e:
                result = errno.errorcode[e.errno].replace("ENOTSUP", "EOPNOTSUPP")
            # The collector of sockets in flight runs whenever anyone on the machine closes a socket: let it be now.
            for _ in range(4 if op[0] == "close" else 1):
                for end in socket.socketpair(socket.AF_UNIX):
                    end.close()
                time.sleep(0.003)
            steps.append({"op": op, "result": result, "poll": self.poll()})
        for fd in self.slots:
            if fd >= 0:
                os.close(fd)
        return steps


def steady(seed):
    """A case that came out alike twice: the collector may be late."""
    while True:
        one, two = Case(seed).run(), Case(seed).run()
        if one == two:
            return one


count = int(sys.argv[1]) if len(sys.argv) > 1 else 150
print("[")
print(",\n".join(json.dumps(steady(seed), separators=(",", ":")) for seed in range(count)))
print("]")
