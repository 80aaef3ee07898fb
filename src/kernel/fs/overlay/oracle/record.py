#!/usr/bin/env python3
"""Records what overlayfs of a real Linux does: random calls on overlays of random layers, and what the overlay and the upper layer hold then.

Run as root on Linux: python3 src/kernel/fs/overlay/oracle/record.py > src/kernel/fs/overlay/oracle/overlay.golden.json
"""
import ctypes, errno, json, os, random, stat, tempfile

CLONE_NEWNS, MS_REC, MS_PRIVATE, MNT_DETACH = 0x20000, 0x4000, 1 << 18, 2
libc = ctypes.CDLL(None, use_errno=True)
CASES, STEPS = 130, 36
NAMES = ["a", "b", "c", "d"]
OLD = 1_000_000_000
"""Times before this are those that the case has set."""


def check(result):
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def mount(source, target, fstype, data):
    check(libc.mount(source.encode(), target.encode(), fstype.encode(), 0, data.encode()))


def path(rng, deep=0.55):
    parts = [rng.choice(NAMES)]
    while rng.random() < deep and len(parts) < 3:
        parts.append(rng.choice(NAMES))
    return "/".join(parts)


def layer_ops(rng, lower, bottom, special):
    """What fills a lower layer, parents first."""
    ops, kinds, count = [], {"": "dir"}, 0
    for _ in range(rng.randint(3, 11)):
        p = path(rng)
        parent = p.rpartition("/")[0]
        if p in kinds or kinds.get(parent) != "dir":
            continue
        kind = rng.choice(["dir"] * 5 + ["file"] * 5 + special + ([] if bottom else ["whiteout", "whiteout"]))
        kinds[p] = kind
        count += 1
        at = f"{lower}/{p}"
        if kind == "dir":
            ops.append(["mkdir", at, rng.choice([0o755, 0o700, 0o777])])
            if not bottom and rng.random() < 0.2:
                ops.append(["setxattr", at, "trusted.overlay.opaque", "y"])
        elif kind == "file":
            ops.append(["put", at, f"{lower}:{p}" * rng.randint(0, 3)])
            if rng.random() < 0.25:
                ops.append(["setxattr", at, rng.choice(["user.k", "trusted.k"]), "v"])
            if rng.random() < 0.2 and p + "2" not in kinds:
                ops.append(["link", at, at + "2"])
                kinds[p + "2"] = "file"
        elif kind == "link":
            ops.append(["symlink", rng.choice(NAMES), at])
        elif kind == "fifo":
            ops.append(["mknod", at, stat.S_IFIFO | 0o640, 0])
        elif kind == "dev":
            ops.append(["mknod", at, stat.S_IFCHR | 0o600, 0x103])
        else:
            ops.append(["mknod", at, stat.S_IFCHR, 0])
    # Contents first, so that making them does not change the times again.
    for p in sorted(kinds, key=lambda p: -p.count("/")):
        if kinds[p] in ("dir", "file") and p:
            ops.append(["utime", f"{lower}/{p}", 100 + count + len(p)])
    return ops


def random_op(rng):
    dirs, files = ["m"], []
    for at, below, names in os.walk("m"):
        dirs += sorted(f"{at}/{d}" for d in below)
        files += sorted(f"{at}/{f}" for f in names)
    dirs.sort()
    files.sort()
    anywhere = lambda: "m/" + path(rng)
    # Something that is there, or a name in a directory that is there, or anything.
    there = lambda: rng.choice((dirs[1:] or ["m/a"]) + files) if rng.random() < 0.85 else anywhere()
    fresh = lambda: f"{rng.choice(dirs)}/{rng.choice(NAMES)}" if rng.random() < 0.9 else anywhere()
    file = lambda: rng.choice(files) if files and rng.random() < 0.85 else there()
    kind = rng.choices(
        ["create", "put", "append", "mkdir", "rmdir", "unlink", "rename", "link", "symlink", "mknod", "chmod", "chown", "truncate", "utime",
         "setxattr", "removexattr", "listxattr", "getxattr", "read", "readlink", "stat", "readdir", "open", "fread", "fwrite", "fstat",
         "fchmod", "ftruncate", "close"],
        [6, 8, 7, 8, 9, 14, 24, 7, 2, 2, 6, 3, 5, 3, 3, 2, 3, 2, 3, 1, 3, 2, 12, 4, 5, 4, 3, 3, 1],
    )[0]
    slot = rng.randint(0, 2)
    if kind in ("create", "mkdir", "symlink", "mknod"):
        p = fresh()
    elif kind in ("put", "append", "link", "truncate", "removexattr", "getxattr", "listxattr", "read", "open", "unlink"):
        p = file()
    else:
        p = there()
    if kind == "put" and rng.random() < 0.3 or kind == "symlink" and p.count("/") > 3:
        p = fresh()
    q = rng.choice([fresh, fresh, there, anywhere])()
    if kind == "rmdir" and rng.random() < 0.6:
        p = rng.choice(dirs[1:] or ["m/a"])
    text = f"{kind}{rng.randint(0, 99)};"
    return {
        "create": lambda: ["create", p, text],
        "put": lambda: ["put", p, text],
        "append": lambda: ["append", p, text],
        "mkdir": lambda: ["mkdir", p, rng.choice([0o755, 0o700])],
        "rename": lambda: ["rename", p, q, rng.choice([0] * 8 + [1, 2, 2, 4])],
        "link": lambda: ["link", p, q],
        "symlink": lambda: ["symlink", rng.choice(NAMES), p],
        "mknod": lambda: ["mknod", p, rng.choice([stat.S_IFIFO | 0o600, stat.S_IFREG | 0o644]), 0],
        "chmod": lambda: ["chmod", p, rng.choice([0o600, 0o755, 0o4755])],
        "chown": lambda: ["chown", p, rng.choice([0, 7]), 7],
        "truncate": lambda: ["truncate", p, rng.choice([0, 2, 5000])],
        "utime": lambda: ["utime", p, rng.randint(1, 99)],
        "setxattr": lambda: ["setxattr", p, rng.choice(["user.k", "user.n", "trusted.n"]), text],
        "removexattr": lambda: ["removexattr", p, "user.k"],
        "getxattr": lambda: ["getxattr", p, rng.choice(["user.k", "trusted.k"])],
        "open": lambda: ["open", p, rng.choice([os.O_RDONLY] * 3 + [os.O_RDWR, os.O_WRONLY | os.O_APPEND]), slot],
        "fread": lambda: ["fread", slot],
        "fwrite": lambda: ["fwrite", slot, text],
        "fstat": lambda: ["fstat", slot],
        "fchmod": lambda: ["fchmod", slot, rng.choice([0o611, 0o711])],
        "ftruncate": lambda: ["ftruncate", slot, 3],
        "close": lambda: ["close", slot],
    }.get(kind, lambda: [kind, p])()


def mtime(st):
    return int(st.st_mtime) if st.st_mtime < OLD else "new"


def fd_of(fds, slot):
    return fds.get(slot, 999)


def perform(op, fds):
    kind, *a = op
    if kind in ("create", "put", "append"):
        how = {"create": os.O_CREAT | os.O_EXCL, "put": os.O_CREAT | os.O_TRUNC, "append": os.O_APPEND}[kind]
        fd = os.open(a[0], os.O_WRONLY | os.O_NONBLOCK | how, 0o644)
        try:
            return os.write(fd, a[1].encode())
        finally:
            os.close(fd)
    if kind == "mkdir":
        os.mkdir(a[0], a[1])
    elif kind == "rmdir":
        os.rmdir(a[0])
    elif kind == "unlink":
        os.unlink(a[0])
    elif kind == "rename":
        check(libc.renameat2(-100, a[0].encode(), -100, a[1].encode(), a[2]))
    elif kind == "link":
        os.link(a[0], a[1], follow_symlinks=False)
    elif kind == "symlink":
        os.symlink(a[0], a[1])
    elif kind == "mknod":
        os.mknod(a[0], a[1], a[2])
    elif kind == "chmod":
        os.chmod(a[0], a[1])
    elif kind == "chown":
        os.chown(a[0], a[1], a[2], follow_symlinks=False)
    elif kind == "truncate":
        os.truncate(a[0], a[1])
    elif kind == "utime":
        os.utime(a[0], (a[1], a[1]), follow_symlinks=False)
    elif kind == "setxattr":
        os.setxattr(a[0], a[1], a[2].encode(), follow_symlinks=False)
    elif kind == "removexattr":
        os.removexattr(a[0], a[1], follow_symlinks=False)
    elif kind == "getxattr":
        return os.getxattr(a[0], a[1], follow_symlinks=False).decode()
    elif kind == "listxattr":
        return sorted(os.listxattr(a[0], follow_symlinks=False))
    elif kind == "read":
        fd = os.open(a[0], os.O_RDONLY | os.O_NONBLOCK)
        try:
            return os.read(fd, 99).decode()
        finally:
            os.close(fd)
    elif kind == "readlink":
        return os.readlink(a[0])
    elif kind == "stat":
        st = os.lstat(a[0])
        return [oct(st.st_mode), st.st_nlink, st.st_size, mtime(st)]
    elif kind == "readdir":
        return sorted(os.listdir(a[0]))
    elif kind == "open":
        fd = os.open(a[0], a[1] | os.O_NONBLOCK)
        if a[2] in fds:
            os.close(fds[a[2]])
        fds[a[2]] = fd
    elif kind == "fread":
        return os.pread(fd_of(fds, a[0]), 99, 0).decode()
    elif kind == "fwrite":
        return os.write(fd_of(fds, a[0]), a[1].encode())
    elif kind == "fstat":
        st = os.fstat(fd_of(fds, a[0]))
        return [oct(st.st_mode), st.st_nlink, st.st_size, mtime(st)]
    elif kind == "fchmod":
        os.fchmod(fd_of(fds, a[0]), a[1])
    elif kind == "ftruncate":
        os.ftruncate(fd_of(fds, a[0]), a[1])
    elif kind == "close":
        fd = fd_of(fds, a[0])
        fds.pop(a[0], None)
        os.close(fd)
    return None


MARKS = ["opaque", "impure", "origin", "redirect"]


def describe(p, prefix, upper):
    """One line of a file or directory. A whiteout that hides nothing is listed, but not there."""
    try:
        st = os.lstat(p)
    except FileNotFoundError:
        return ["ENOENT"]
    kind = stat.S_IFMT(st.st_mode)
    whiteout = kind == stat.S_IFCHR and st.st_rdev == 0
    out = [oct(st.st_mode), 0 if whiteout else st.st_nlink, st.st_uid, st.st_size, mtime(st)]
    if kind == stat.S_IFREG:
        with open(p, "rb") as f:
            out.append(f.read(60).decode())
    if kind == stat.S_IFLNK:
        out.append(os.readlink(p))
    names = sorted(os.listxattr(p, follow_symlinks=False))
    if upper:
        for mark in MARKS:
            if prefix + mark in names:
                value = os.getxattr(p, prefix + mark, follow_symlinks=False)
                out.append(mark if mark in ("origin", "impure") else f"{mark}={value.decode()}")
        names = [n for n in names if not n.startswith(prefix)]
    return out + names


def tree(top, prefix, upper):
    """Every file below a directory, by path."""
    out = {"": describe(top, prefix, upper)}
    for at, dirs, files in os.walk(top):
        dirs.sort()
        for name in sorted(dirs + files):
            p = f"{at}/{name}"
            out[p[len(top) + 1:]] = describe(p, prefix, upper)
    return out


def numbers(layers):
    """Whose inode number each file of the overlay has, and whether getdents says the same."""
    owners = {}
    for top in layers:
        for at, dirs, files in os.walk(top):
            for name in sorted(dirs + files):
                owners.setdefault(os.lstat(f"{at}/{name}").st_ino, []).append(f"{at}/{name}")
    out = {}
    for at, dirs, _ in os.walk("m"):
        dirs.sort()
        for entry in sorted(os.scandir(at), key=lambda e: e.name):
            try:
                ino = os.lstat(entry.path).st_ino
            except FileNotFoundError:
                continue
            out[entry.path[2:]] = ["|".join(sorted(owners.get(ino, []))), entry.inode() == ino]
    return out


def devices(before):
    """Of each file of the overlay: the overlay's own device or which other one, whether getdents says the same number, whether both are as before."""
    seen, out, now = {os.lstat("m").st_dev: "own"}, {}, {}
    for at, dirs, _ in os.walk("m"):
        dirs.sort()
        for entry in sorted(os.scandir(at), key=lambda e: e.name):
            try:
                st = os.lstat(entry.path)
            except FileNotFoundError:
                continue
            # Directories get a number when they are seen first, which may be that of the layer by chance: only whether it stays can be told.
            now[entry.path[2:]] = (st.st_dev, st.st_ino, stat.S_IFMT(st.st_mode))
            which = seen.setdefault(st.st_dev, f"other {len(seen)}")
            out[entry.path[2:]] = [which, which == "own" or entry.inode() == st.st_ino, before.get(entry.path[2:]) == now[entry.path[2:]]]
    return out, now


def run(seed):
    rng = random.Random(seed)
    lowers = [f"l{i}" for i in range(1, rng.randint(1, 4) + 1)]
    option = rng.choice([""] * 6 + [",redirect_dir=on"] * 3 + [",userxattr"])
    # Of links and devices, which can have no user attributes, ours knows the origin where Linux does not.
    prefix, special = ("user.overlay.", []) if option == ",userxattr" else ("trusted.overlay.", ["link", "fifo", "dev"])
    setup = [["mkdir", d, 0o755] for d in lowers + ["u", "w", "m"]]
    for lower in lowers:
        setup += [[o[0], o[1], prefix + "opaque", o[3]] if o[0] == "setxattr" and "overlay" in o[2] else o
                  for o in layer_ops(rng, lower, lower == lowers[-1], special)]
    fds, apart = {}, rng.random() < 0.25
    for op in setup:
        perform(op, fds)
        if apart and op[1] == "l1" and op[0] == "mkdir":
            mount("none", "l1", "tmpfs", "mode=755")
    data = f"lowerdir={':'.join(lowers)},upperdir=u,workdir=w{option}"
    mount("overlay", "m", "overlay", data)
    before = [tree(d, prefix, True) for d in lowers]
    _, first = devices({}) if apart else (None, None)
    steps = []
    for n in range(STEPS):
        op = random_op(rng)
        if op[0] == "fchmod" and op[1] in fds and not stat.S_ISREG(os.fstat(fds[op[1]]).st_mode):
            # Copying up what has lost its name brings a FIFO back to life, over whatever is there now.
            continue
        try:
            result = perform(op, fds)
        except OSError as e:
            result = errno.errorcode[e.errno]
        steps.append([op, result])
    case = {"setup": setup, "data": data, "prefix": prefix, "steps": steps, "merged": tree("m", prefix, False), "upper": tree("u", prefix, True),
            "apart": apart, "numbers": devices(first)[0] if apart else numbers(lowers + ["u"])}
    assert before == [tree(d, prefix, True) for d in lowers], seed
    for fd in fds.values():
        os.close(fd)
    check(libc.umount2(b"m", 0))
    mount("overlay", "m", "overlay", data)
    case["again"] = tree("m", prefix, False)
    case["numbersAgain"] = devices({})[0] if apart else numbers(lowers + ["u"])
    check(libc.umount2(b"m", 0))
    if apart:
        check(libc.umount2(b"l1", 0))
    return case


def main():
    check(libc.unshare(CLONE_NEWNS))
    check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    os.umask(0o022)
    cases = []
    place = tempfile.mkdtemp()
    for seed in range(CASES):
        mount("none", place, "tmpfs", "mode=755")
        os.chdir(place)
        cases.append(run(seed))
        os.chdir("/")
        check(libc.umount2(place.encode(), MNT_DETACH))
    os.rmdir(place)
    print("[" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "]")


main()
