#!/usr/bin/env python3
"""Records what a real Linux makes of random sequences of mount calls, made by processes in several mount and user namespaces.

Run as root on Linux: python3 src/kernel/vfs/oracle/record.py > src/kernel/vfs/oracle/mounts.golden.json
With a number, prints that one sequence in full instead.

The first process gets a mount namespace of its own with nothing in it but one tmpfs, by pivot_root; nothing of the host is touched.
After each call everybody's mountinfo is read from outside and written with ids, peer groups and devices renumbered by first
appearance; the golden file keeps a hash of the text.
"""

import ctypes
import errno
import json
import os
import random
import sys
import tempfile

SEQUENCES = 300
SEED = 12
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_NOATIME, MS_BIND, MS_MOVE, MS_REC = 1, 2, 4, 8, 32, 1024, 4096, 8192, 16384
MS_UNBINDABLE, MS_PRIVATE, MS_SLAVE, MS_SHARED = 1 << 17, 1 << 18, 1 << 19, 1 << 20
MNT_DETACH, MNT_EXPIRE = 2, 4
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
SYS_pivot_root = 155
PROPAGATION = {"shared": MS_SHARED, "slave": MS_SLAVE, "private": MS_PRIVATE, "unbindable": MS_UNBINDABLE}
FLAGS = {"ro": MS_RDONLY, "nosuid": MS_NOSUID, "nodev": MS_NODEV, "noexec": MS_NOEXEC, "noatime": MS_NOATIME}
libc = ctypes.CDLL(None, use_errno=True)

TOP = ["/a", "/b", "/c"]
DIRS = TOP + ["/a/x", "/a/y", "/b/x", "/b/y", "/c/x", "/a/x/x", "/b/x/x", "/a/x/y"]
WORKERS = 4


def check(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "")


def mount(source, target, fstype, flags, data=None):
    encode = lambda text: None if text is None else text.encode()
    check(libc.mount(encode(source), encode(target), encode(fstype), ctypes.c_ulong(flags), encode(data)))


def make_op(r, workers, recent):
    w = r.randrange(workers)
    p, q = r.choice(DIRS), r.choice(DIRS)
    kinds = (["tmpfs"] * 5 + ["bind"] * 6 + ["rbind"] * 5 + ["move"] * 4 + ["umount"] * 6 + ["detach"] * 3 + ["prop"] * 7 + ["rprop"] * 4
             + ["flags", "rootprop", "rootprop", "pivot", "pivotdot", "chdir", "open", "close", "rmdir", "expire"])
    if workers < WORKERS:
        kinds += ["fork", "fork", "newns", "newns", "newns", "newuser"]
    kind = r.choice(kinds)
    if kind == "tmpfs":
        recent.append(p)
        return [w, kind, p]
    # What asks for a mount point gets one more often than not.
    if recent and kind not in ("bind", "rbind") and r.random() < 0.65:
        p = r.choice(recent)
    if kind in ("bind", "rbind", "move"):
        recent.append(q)
    if kind in ("bind", "rbind", "move", "pivot"):
        return [w, kind, r.choice(["/"] + DIRS * 2) if kind.endswith("bind") else p, q]
    if kind in ("prop", "rprop"):
        return [w, kind, p, r.choice(["shared"] * 4 + ["slave"] * 3 + ["private"] * 2 + ["unbindable"])]
    if kind == "rootprop":
        return [w, r.choice(["prop", "rprop"]), "/", r.choice(["shared"] * 3 + ["slave", "private"])]
    if kind == "flags":
        return [w, kind, p, r.choice(list(FLAGS) + ["", ""])]
    if kind == "expire":
        return [w, kind, p]
    return [w, kind] if kind in ("fork", "newns", "newuser", "close") else [w, kind, p]


def execute(op, state):
    kind, args = op[1], op[2:]
    if kind == "tmpfs":
        state["n"] += 1
        mount(f"t{state['n']}", args[0], "tmpfs", 0, "mode=755")
        made = args[0]
        for name in ("x", "y"):
            try:
                os.mkdir(f"{made}/{name}")
                os.mkdir(f"{made}/{name}/x")
            except OSError:
                pass
    elif kind == "bind": mount(args[0], args[1], None, MS_BIND)
    elif kind == "rbind": mount(args[0], args[1], None, MS_BIND | MS_REC)
    elif kind == "move": mount(args[0], args[1], None, MS_MOVE)
    elif kind == "umount": check(libc.umount2(args[0].encode(), 0))
    elif kind == "detach": check(libc.umount2(args[0].encode(), MNT_DETACH))
    elif kind == "expire": check(libc.umount2(args[0].encode(), MNT_EXPIRE))
    elif kind == "prop": mount(None, args[0], None, PROPAGATION[args[1]])
    elif kind == "rprop": mount(None, args[0], None, PROPAGATION[args[1]] | MS_REC)
    elif kind == "flags": mount(None, args[0], None, MS_REMOUNT | MS_BIND | FLAGS.get(args[1], 0))
    elif kind == "pivot": check(libc.syscall(SYS_pivot_root, args[0].encode(), args[1].encode()))
    elif kind == "pivotdot":
        os.chdir(args[0])
        check(libc.syscall(SYS_pivot_root, b".", b"."))
    elif kind == "chdir": os.chdir(args[0])
    elif kind == "open": state["fds"].append(os.open(args[0], os.O_RDONLY))
    elif kind == "close":
        if state["fds"]:
            os.close(state["fds"].pop())
    elif kind == "rmdir": os.rmdir(args[0])
    else: raise ValueError(kind)


def answer(op, state):
    try:
        execute(op, state)
        return 0
    except OSError as e:
        return errno.errorcode[e.errno]


class Worker:
    """A process that does what it is told over a pipe."""

    def __init__(self, start):
        self.commands, theirs = os.pipe(), os.pipe()
        self.answers = theirs
        self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                os.close(self.commands[1]), os.close(theirs[0])
                start(self)
                code = 0
            finally:
                os._exit(code)
        os.close(self.commands[0]), os.close(theirs[1])

    def say(self, value):
        os.write(self.answers[1], json.dumps(value).encode())

    def hear(self):
        return json.loads(os.read(self.answers[0], 1000))

    def tell(self, op):
        os.write(self.commands[1], json.dumps(op).encode())
        return self.hear()


def serve(worker, state):
    """The loop of a worker. A forked child serves its own pipes, which it passes on by being a child of the recorder's helper."""
    while True:
        op = json.loads(os.read(worker.commands[0], 1000))
        if op == "quit":
            return
        if op[1] in ("fork", "newns", "newuser"):
            spawn(worker, op, state)
        else:
            worker.say(answer(op, state))


def spawn(worker, op, state):
    """Forks; the child opens the named pipes that the recorder has made for it."""
    pid = os.fork()
    if pid != 0:
        worker.say(pid)
        return
    code = 1
    try:
        signal_in, signal_out = op[2], op[3]
        worker.commands = (signal_in, -1)
        worker.answers = (-1, signal_out)
        state = {"n": 0 + op[4] * 100, "fds": []}
        result = 0
        try:
            if op[1] == "newns":
                check(libc.unshare(CLONE_NEWNS))
            elif op[1] == "newuser":
                check(libc.unshare(CLONE_NEWNS | CLONE_NEWUSER))
        except OSError as e:
            result = errno.errorcode[e.errno]
        worker.say(result)
        serve(worker, state)
        code = 0
    finally:
        os._exit(code)


def first(worker, root):
    check(libc.unshare(CLONE_NEWNS))
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    mount("root", root, "tmpfs", 0, "mode=755")
    os.mkdir(f"{root}/old")
    check(libc.syscall(SYS_pivot_root, root.encode(), f"{root}/old".encode()))
    os.chdir("/")
    check(libc.umount2(b"/old", MNT_DETACH))
    os.rmdir("/old")
    for path in TOP + ["/a/x", "/a/y", "/b/x", "/b/y", "/c/x", "/a/x/x", "/b/x/x", "/a/x/y"]:
        os.mkdir(path)
    worker.say(0)
    serve(worker, {"n": 0, "fds": []})


class Numbers:
    def __init__(self):
        self.seen = {}

    def of(self, text):
        return self.seen.setdefault(text, len(self.seen) + 1)


def snapshot(pids):
    ids, groups = Numbers(), Numbers()
    lines = []
    for i, pid in enumerate(pids):
        lines.append(f"worker {i}")
        with open(f"/proc/{pid}/mountinfo") as f:
            for line in f:
                before, after = line.rstrip("\n").split(" - ")
                mount_id, parent, _, root, target, options, *tags = before.split(" ")
                shown = [":".join([t.split(":")[0], str(groups.of(t.split(":")[1]))]) if ":" in t else t for t in tags]
                lines.append(" ".join([str(ids.of(mount_id)), str(ids.of(parent)), root, target, options, *shown, after.split(" ")[1]]))
    return "\n".join(lines)


def fnv(text):
    h = 0x811C9DC5
    for byte in text.encode():
        h = ((h ^ byte) * 0x01000193) & 0xFFFFFFFF
    return f"{h:08x}"


def run(seed, length, root):
    r = random.Random(seed)
    # Pipes for those that will be forked must exist before.
    extra = [(os.pipe(), os.pipe()) for _ in range(WORKERS)]
    worker = Worker(lambda w: first(w, root))
    assert worker.hear() == 0
    workers, pids, steps, inner, recent = [worker], [worker.pid], [], set(), []
    for _ in range(length):
        op = make_op(r, len(workers), recent)
        # Ids can be mapped from the parent namespace only: one level.
        if op[1] == "newuser" and op[0] in inner:
            op[1] = "newns"
        if op[1] in ("fork", "newns", "newuser"):
            commands, answers = extra[len(workers)]
            pid = workers[op[0]].tell(op + [commands[0], answers[1], len(workers)])
            child = object.__new__(Worker)
            child.commands, child.answers, child.pid = commands, answers, pid
            result = child.hear()
            if op[1] == "newuser" and result == 0:
                for name in ("uid_map", "gid_map"):
                    with open(f"/proc/{pid}/{name}", "w") as f:
                        f.write("0 0 1000")
            if op[1] == "newuser" or op[0] in inner:
                inner.add(len(workers))
            workers.append(child)
            pids.append(pid)
        else:
            result = workers[op[0]].tell(op)
        steps.append([op, result, snapshot(pids)])
    for w in reversed(workers):
        os.write(w.commands[1], json.dumps("quit").encode())
    os.waitpid(worker.pid, 0)
    for fd in [worker.commands[1], worker.answers[0]] + [end for pair in extra for pipe in pair for end in pipe]:
        os.close(fd)
    return steps


def main():
    with tempfile.TemporaryDirectory() as root:
        if len(sys.argv) > 1:
            for op, result, text in run(SEED * 100000 + int(sys.argv[1]), 30, root):
                print(json.dumps(op), "=", result)
                print(text)
            return
        recorded = [[[op, result, fnv(text)] for op, result, text in run(SEED * 100000 + i, 30, root)] for i in range(SEQUENCES)]
    print("[" + ",\n".join(json.dumps(s, separators=(",", ":")) for s in recorded) + "]")


main()
