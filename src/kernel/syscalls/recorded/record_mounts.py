"""Records what real Linux answers to random sequences of mount calls: python3 record_mounts.py > mounts.golden.json (as root).

Each sequence runs in a private mount namespace, chrooted into a tmpfs. An answer is the name of an errno, a value, or, after a
change, the whole tree as it is seen then. Left out: mounting on detached trees, whose errno differs between versions.
"""

import ctypes
import errno
import json
import os
import random
import tempfile

SEQUENCES = 40
SEED = 7
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_MOVE, MS_REC = 1, 32, 4096, 8192, 16384
MS_UNBINDABLE, MS_PRIVATE = 1 << 17, 1 << 18
MNT_DETACH = 2
CLONE_NEWNS = 0x20000
DEPTH = 4
libc = ctypes.CDLL(None, use_errno=True)

DIRS = ["/a", "/b", "/c", "/a/x", "/a/y", "/b/x", "/c/x", "/a/x/z", "/f", "/a/f", "/nope", "/"]
KINDS = (["tmpfs"] * 5 + ["bind"] * 4 + ["rbind"] * 3 + ["move"] * 3 + ["umount"] * 5 + ["detach"] * 2
         + ["ro", "rw", "bro", "mkdir", "mkdir", "write", "write", "rm", "rename", "chdir", "unbindable", "private", "statro"])


def check(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "")


def mount(source, target, fstype, flags, data=None):
    encode = lambda text: None if text is None else text.encode()
    check(libc.mount(encode(source), encode(target), encode(fstype), ctypes.c_ulong(flags), encode(data)))


def make_op(r):
    kind = r.choice(KINDS)
    where = r.choice([d for d in DIRS if d != "/"] if kind in ("umount", "detach") else DIRS)
    return [kind, where, r.choice(DIRS)] if kind in ("bind", "rbind", "move", "rename") else [kind, where]


def tree(path, depth=0):
    out = []
    for name in sorted(os.listdir(path)):
        inner = f"{path.rstrip('/')}/{name}"
        out.append([name, tree(inner, depth + 1)] if os.path.isdir(inner) and depth < DEPTH else name)
    return out


def execute(op, count):
    kind, a = op[0], op[1]
    if kind == "tmpfs": mount("t", a, "tmpfs", 0)
    elif kind == "bind": mount(a, op[2], None, MS_BIND)
    elif kind == "rbind": mount(a, op[2], None, MS_BIND | MS_REC)
    elif kind == "move": mount(a, op[2], None, MS_MOVE)
    elif kind == "umount": check(libc.umount2(a.encode(), 0))
    elif kind == "detach": check(libc.umount2(a.encode(), MNT_DETACH))
    elif kind == "ro": mount("", a, None, MS_REMOUNT | MS_RDONLY)
    elif kind == "rw": mount("", a, None, MS_REMOUNT)
    elif kind == "bro": mount("", a, None, MS_REMOUNT | MS_BIND | MS_RDONLY)
    elif kind == "unbindable": mount("", a, None, MS_UNBINDABLE)
    elif kind == "private": mount("", a, None, MS_PRIVATE)
    elif kind == "mkdir": os.mkdir(f"{a}/x")
    elif kind == "write": open(f"{a}/w{count % 3}", "w").close()
    elif kind == "rm": os.unlink(f"{a}/w1")
    elif kind == "rename": os.rename(a, f"{op[2]}/r")
    elif kind == "chdir": os.chdir(a)
    elif kind == "statro": return os.statvfs(a).f_flag & 1
    else: raise ValueError(kind)
    return tree("/")


def answer(op, count):
    try:
        return execute(op, count)
    except OSError as e:
        return errno.errorcode[e.errno]


def run(ops, root):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        check(libc.unshare(CLONE_NEWNS))
        mount("none", "/", None, MS_REC | MS_PRIVATE)
        mount("root", root, "tmpfs", 0, "mode=755")
        os.chroot(root)
        os.chdir("/")
        for path in ["/a", "/b", "/c", "/a/x", "/a/y", "/b/x"]: os.mkdir(path)
        for path in ["/f", "/a/f"]: open(path, "w").close()
        with os.fdopen(writer, "w") as out:
            json.dump([answer(op, i) for i, op in enumerate(ops)], out)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answers:
        text = answers.read()
    os.waitpid(pid, 0)
    return json.loads(text)


def main():
    r = random.Random(SEED)
    with tempfile.TemporaryDirectory() as root:
        recorded = []
        for _ in range(SEQUENCES):
            ops = [make_op(r) for _ in range(r.choice([20, 35]))]
            recorded.append({"ops": ops, "answers": run(ops, root)})
    print("[" + ",\n".join(json.dumps(s, separators=(",", ":")) for s in recorded) + "]")


main()
