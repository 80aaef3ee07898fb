"""Records what real Linux answers to random sequences of file system calls: python3 record.py > fs.golden.json (as root).

Each sequence runs in a tmpfs of its own, chrooted into it. An answer is null, a value, or the name of an errno.
Needs fs.protected_hardlinks=1, as Debian sets it. Left out: FIFOs (opening one may block) and directory offsets.
"""

import ctypes
import errno
import json
import os
import random
import subprocess
import tempfile

SEQUENCES = 48
SEED = 20
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
AT_FDCWD = -100
NO_FD = 999


def check(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "")
    return result


# ── Sequences ────────────────────────────────────────────────────────────────────────────────────────────────────────
NAMES = ["a", "b", "c", "d", "l", "m"]
OPEN_FLAGS = [0, 1, 2, 0o100, 0o101, 0o102, 0o301, 0o1001, 0o1101, 0o2001, 0o200000, 0o400000, 0o10000000, 0o400101, 0o1102, 0o10400000, 0o1000,
              0o20200002, 0o20200000]
PRELUDE = [
    ["mkdir", "a", 0o755], ["mkdir", "a/b", 0o755], ["open", "c", 0o102, 0o644, 0], ["symlink", "a", "l"], ["write", 0, 100],
    ["mkdir", "m", 0o1777], ["open", "a/c", 0o102, 0o755, 1], ["open", "a", 0, 0, 2], ["symlink", "../c", "a/d"],
    ["open", "m/a", 0o102, 0o600, 3], ["chown", "m/a", 1000, 1000, 0], ["mkdir", "m/b", 0o700], ["chown", "m/b", 1000, 1000, 0],
    ["symlink", "d", "d"],
]
KINDS = (["mkdir"] * 5 + ["rmdir"] * 2 + ["unlink"] * 2 + ["open"] * 7 + ["close", "write", "write", "read", "lseek", "ftruncate", "fstat"]
         + ["getdents"] * 2 + ["fchdir"] + ["link"] * 3 + ["symlink"] * 4 + ["rename"] * 5 + ["stat"] * 4 + ["lstat"] * 3
         + ["readlink", "chmod", "chmod", "chown", "truncate", "access", "access", "mknod", "chdir", "getcwd", "seteuid", "fallocate", "utime",
            "utimes", "setxattr", "getxattr", "removexattr", "listxattr"])


def make_path(r):
    x = r.random()
    name = lambda: r.choice(NAMES)
    if x < 0.45: return name()
    if x < 0.70: return f"{name()}/{name()}"
    if x < 0.78: return f"{name()}/{name()}/{name()}"
    if x < 0.84: return f"{name()}/"
    if x < 0.87: return f"{name()}/."
    if x < 0.90: return f"{name()}/.."
    if x < 0.92: return r.choice(["", ".", "..", "/", "//", "/.", "/.."])
    if x < 0.95: return f"/{name()}"
    if x < 0.97: return f"{name()}//{name()}/"
    if x < 0.985: return "n" * r.choice([255, 256])
    return r.choice([f"../{name()}", f"./{name()}"])


def make_op(r):
    kind = r.choice(KINDS)
    slot = r.randrange(3)
    path = lambda: make_path(r)
    if kind == "mkdir": return [kind, path(), r.choice([0o777, 0o755, 0o700, 0o1777, 0o2775, 0o4755, 0o555])]
    if kind == "open": return [kind, path(), r.choice(OPEN_FLAGS), r.choice([0o644, 0o600, 0o755, 0o4755, 0o2755, 0o6777]), slot]
    if kind in ("close", "fstat", "getdents", "fchdir"): return [kind, slot]
    if kind == "write": return [kind, slot, r.choice([0, 1, 100, 5000])]
    if kind == "read": return [kind, slot, r.choice([0, 1, 100, 8192])]
    # Offsets of directories differ between versions: only the start.
    if kind == "lseek": return [kind, slot, *r.choice([(0, 0), (5000, 0), (-1, 0), (0, 5), (0, 3), (0, 4), (10, 2)])]
    if kind == "ftruncate": return [kind, slot, r.choice([0, 1, 10000, -1])]
    if kind == "link": return [kind, path(), path(), r.choice([0, 0, 0x400, 1])]
    if kind == "symlink": return [kind, r.choice([path(), path(), f"/{r.choice(NAMES)}", r.choice(NAMES)]), path()]
    if kind == "rename": return [kind, path(), path(), r.choice([0, 0, 0, 0, 1, 2, 3, 8])]
    if kind == "chmod": return [kind, path(), r.choice([0o644, 0o755, 0o000, 0o700, 0o4755, 0o2755, 0o1777, 0o6711, 0o444])]
    if kind == "chown": return [kind, path(), r.choice([-1, 0, 1000, 65534]), r.choice([-1, 0, 1000]), r.choice([0, 0x100])]
    if kind == "truncate": return [kind, path(), r.choice([0, 5, 5000, -1])]
    if kind == "access": return [kind, path(), r.choice([0, 1, 2, 4, 7, 8]), r.choice([0, 0x200, 0x100])]
    if kind == "mknod": return [kind, path(), r.choice([0o644, 0o100644, 0o020666, 0o140644, 0o040755, 0o050000]), r.choice([0, 259])]
    if kind == "getcwd": return [kind]
    if kind == "seteuid": return [kind, r.choice([0, 0, 1000])]
    if kind == "fallocate": return [kind, slot, r.choice([0, 1, 3, 2, 64]), r.choice([0, 100, 4096, -1]), r.choice([1, 5000, 0])]
    if kind == "setxattr": return [kind, path(), r.choice(["user.x", "trusted.y", "security.z", "foo", "user.", "system.q"]), r.choice([0, 1, 2])]
    if kind in ("getxattr", "removexattr"): return [kind, path(), r.choice(["user.x", "trusted.y", "security.z", "foo"])]
    return [kind, path()]


# ── Their execution ──────────────────────────────────────────────────────────────────────────────────────────────────
def stat_of(s):
    return [oct(s.st_mode), s.st_nlink, s.st_uid, s.st_gid, s.st_size, s.st_blocks]


def getdents(fd):
    buffer = ctypes.create_string_buffer(32768)
    count = check(libc.syscall(217, fd, buffer, 32768))
    entries, at = [], 0
    while at < count:
        length = int.from_bytes(buffer.raw[at + 16 : at + 18], "little")
        entries.append([buffer.raw[at + 19 : at + length].split(b"\0")[0].decode(), buffer.raw[at + 18]])
        at += length
    return entries


def execute(op, fds):
    kind, a = op[0], op[1:]
    fd = lambda slot: fds.get(slot, NO_FD)
    path = lambda text: text.encode()
    if kind == "mkdir": check(libc.mkdirat(AT_FDCWD, path(a[0]), a[1]))
    elif kind == "rmdir": check(libc.unlinkat(AT_FDCWD, path(a[0]), 0x200))
    elif kind == "unlink": check(libc.unlinkat(AT_FDCWD, path(a[0]), 0))
    elif kind == "open":
        opened = check(libc.openat(AT_FDCWD, path(a[0]), a[1], a[2]))
        old, fds[a[3]] = fds.get(a[3]), opened
        if old is not None: os.close(old)
    elif kind == "close": os.close(fds.pop(a[0], NO_FD))
    elif kind == "write": return os.write(fd(a[0]), b"x" * a[1])
    elif kind == "read": return len(os.read(fd(a[0]), a[1]))
    elif kind == "lseek": return os.lseek(fd(a[0]), a[1], a[2])
    elif kind == "ftruncate": os.ftruncate(fd(a[0]), a[1])
    elif kind == "fstat": return stat_of(os.fstat(fd(a[0])))
    elif kind == "fchdir": os.fchdir(fd(a[0]))
    elif kind == "getdents": return getdents(fd(a[0]))
    elif kind == "link": check(libc.linkat(AT_FDCWD, path(a[0]), AT_FDCWD, path(a[1]), a[2]))
    elif kind == "symlink": check(libc.symlinkat(path(a[0]), AT_FDCWD, path(a[1])))
    elif kind == "rename": check(libc.syscall(316, AT_FDCWD, path(a[0]), AT_FDCWD, path(a[1]), a[2]))
    elif kind == "stat": return stat_of(os.stat(a[0]))
    elif kind == "lstat": return stat_of(os.lstat(a[0]))
    elif kind == "readlink": return os.readlink(a[0])
    elif kind == "chmod": os.chmod(a[0], a[1])
    elif kind == "chown": check(libc.fchownat(AT_FDCWD, path(a[0]), a[1], a[2], a[3]))
    elif kind == "truncate": os.truncate(a[0], a[1])
    elif kind == "access": check(libc.syscall(439, AT_FDCWD, path(a[0]), a[1], a[2]))
    elif kind == "mknod": os.mknod(a[0], a[1], a[2])
    elif kind == "chdir": os.chdir(a[0])
    elif kind == "getcwd": return os.getcwd()
    elif kind == "seteuid": os.setresuid(-1, a[0], -1)
    elif kind == "fallocate": check(libc.fallocate(fd(a[0]), a[1], ctypes.c_long(a[2]), ctypes.c_long(a[3])))
    elif kind == "utime": os.utime(a[0])
    elif kind == "utimes": os.utime(a[0], (1, 2))
    elif kind == "setxattr": os.setxattr(a[0], a[1], b"v", a[2])
    elif kind == "getxattr": return os.getxattr(a[0], a[1]).decode()
    elif kind == "removexattr": os.removexattr(a[0], a[1])
    elif kind == "listxattr": return sorted(os.listxattr(a[0]))
    else: raise ValueError(kind)
    return None


def answer(op, fds):
    try:
        return execute(op, fds)
    except OSError as e:
        name = errno.errorcode[e.errno]
        return "EOPNOTSUPP" if name == "ENOTSUP" else name


def run(sequence, root):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        os.chroot(root)
        os.chdir("/")
        os.umask(0o022)
        os.setgroups([0])
        fds = {}
        with os.fdopen(writer, "w") as out:
            json.dump([answer(op, fds) for op in sequence], out)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answers:
        text = answers.read()
    os.waitpid(pid, 0)
    return json.loads(text)


def main():
    r = random.Random(SEED)
    recorded = []
    with tempfile.TemporaryDirectory() as root:
        for _ in range(SEQUENCES):
            sequence = PRELUDE + [make_op(r) for _ in range(r.choice([30, 60]))]
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755,size=2m", "none", root], check=True)
            try:
                recorded.append({"ops": sequence, "answers": run(sequence, root)})
            finally:
                subprocess.run(["umount", root], check=True)
    print("[" + ",\n".join(json.dumps(s, separators=(",", ":")) for s in recorded) + "]")


main()
