/** Instances of devpts, and the device nodes of devtmpfs, through real tasks. */

import { describe, expect, it } from "vitest";
import { EIO, EINVAL, ENODEV, ENOENT, ENOSPC, ENXIO, EPERM, type Errno } from "../../../abi/errno.ts";
import { AT_FDCWD, O_NOCTTY, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } from "../../../abi/fcntl.ts";
import { makedev, S_IFCHR } from "../../../abi/stat.ts";
import type { Proc, Sys } from "../../../abi/sys.ts";
import { decodeUtf8, encodeUtf8 } from "../../../abi/utf8.ts";
import { KernelUnderTest } from "../../../machine/kernel-testing.ts";
import { OutsidePort } from "../devtmpfs/vport.ts";

const k = new KernelUnderTest();

function* errnoOf(call: Proc<unknown>): Proc<Errno | undefined> {
  try {
    yield* call;
    return undefined;
  } catch (e) {
    return e as Errno;
  }
}

const open = (sys: Sys, path: string, flags = O_RDWR | O_NOCTTY): Proc<number> => sys.openat(AT_FDCWD, path, flags);

function* names(sys: Sys, path: string): Proc<string[]> {
  const fd = yield* open(sys, path, O_RDONLY);
  const entries = yield* sys.getdents64(fd);
  yield* sys.close(fd);
  return entries.map((e) => e.name);
}

describe("devpts", () => {
  it("numbers from the lowest free on, names a slave while its master is open", () => {
    k.run(function* (sys) {
      const a = yield* open(sys, "/dev/ptmx");
      const b = yield* open(sys, "/dev/ptmx");
      expect([yield* sys.ioctl(a, "TIOCGPTN"), yield* sys.ioctl(b, "TIOCGPTN")]).toEqual([0, 1]);
      expect(yield* names(sys, "/dev/pts")).toEqual([".", "..", "1", "0", "ptmx"]);
      const st = yield* sys.newfstatat(AT_FDCWD, "/dev/pts/1", 0);
      expect([st.mode, st.gid, st.rdev, st.ino]).toEqual([S_IFCHR | 0o620, 5, makedev(136, 1), 4]);
      yield* sys.close(a);
      expect(yield* errnoOf(sys.newfstatat(AT_FDCWD, "/dev/pts/0", 0))).toBe(ENOENT);
      const c = yield* open(sys, "/dev/ptmx");
      expect(yield* sys.ioctl(c, "TIOCGPTN")).toBe(0);
      expect(yield* errnoOf(sys.unlinkat(AT_FDCWD, "/dev/pts/0", 0))).toBe(EPERM);
    });
  });

  it("is a new instance for each further mount, with limits of its own", () => {
    k.run(function* (sys) {
      yield* sys.mkdirat(AT_FDCWD, "/tmp/pts", 0o755);
      expect(yield* errnoOf(sys.mount("x", "/tmp/pts", "devpts", 0, "color=red"))).toBe(EINVAL);
      yield* sys.mount("x", "/tmp/pts", "devpts", 0, "newinstance,max=1,mode=600,ptmxmode=666");
      const outer = yield* open(sys, "/dev/ptmx");
      const inner = yield* open(sys, "/tmp/pts/ptmx");
      expect(yield* sys.ioctl(inner, "TIOCGPTN")).toBe(0);
      expect(yield* errnoOf(open(sys, "/tmp/pts/ptmx"))).toBe(ENOSPC);
      expect((yield* sys.newfstatat(AT_FDCWD, "/tmp/pts/0", 0)).gid).toBe(0);
      yield* sys.close(inner);
      yield* sys.close(outer);
      yield* sys.umount2("/tmp/pts", 0);
    });
  });

  it("is what a ptmx beside it leads to, and nothing else", () => {
    k.run(function* (sys) {
      yield* sys.mknodat(AT_FDCWD, "/root/ptmx", S_IFCHR | 0o666, makedev(5, 2));
      expect(yield* errnoOf(open(sys, "/root/ptmx"))).toBe(ENOENT);
      yield* sys.mkdirat(AT_FDCWD, "/root/pts", 0o755);
      expect(yield* errnoOf(open(sys, "/root/ptmx"))).toBe(ENODEV);
      yield* sys.mknodat(AT_FDCWD, "/root/slave", S_IFCHR | 0o666, makedev(136, 0));
      expect(yield* errnoOf(open(sys, "/root/slave"))).toBe(EIO);
    });
  });

  it("can be mounted again, with the terminals it had", () => {
    k.run(function* (sys) {
      yield* sys.umount2("/dev/pts", 0);
      expect(yield* errnoOf(open(sys, "/dev/ptmx"))).toBe(ENODEV);
      yield* sys.mount("devpts", "/dev/pts", "devpts", 0, "gid=5,mode=620");
      const a = yield* open(sys, "/dev/ptmx");
      expect(yield* names(sys, "/dev/pts")).toContain(String(yield* sys.ioctl(a, "TIOCGPTN")));
    });
  });
});

describe("devices", () => {
  it("read and write as their man pages say", () => {
    k.run(function* (sys) {
      const buf = new Uint8Array(8).fill(7);
      expect(yield* sys.read(yield* open(sys, "/dev/null"), buf)).toBe(0);
      expect(yield* sys.write(yield* open(sys, "/dev/null"), buf)).toBe(8);
      const zero = yield* open(sys, "/dev/zero");
      expect(yield* sys.read(zero, buf)).toBe(8);
      expect([...buf]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
      expect(yield* sys.lseek(zero, 1000, 0)).toBe(0);
      expect(yield* errnoOf(sys.write(yield* open(sys, "/dev/full"), buf))).toBe(ENOSPC);
      yield* sys.read(yield* open(sys, "/dev/urandom"), buf);
      expect(new Set(buf).size).toBeGreaterThan(2);
      expect(yield* errnoOf(open(sys, "/dev/tty"))).toBe(ENXIO);
      yield* sys.mknodat(AT_FDCWD, "/root/nodevice", S_IFCHR | 0o666, makedev(77, 7));
      expect(yield* errnoOf(open(sys, "/root/nodevice"))).toBe(ENXIO);
    });
  });

  it("kmsg gives one record a read and takes messages with their level", () => {
    k.run(function* (sys) {
      const fd = yield* open(sys, "/dev/kmsg", O_RDWR | O_NONBLOCK);
      yield* sys.lseek(fd, 0, 2);
      yield* sys.write(yield* open(sys, "/dev/kmsg", O_WRONLY), encodeUtf8("<3>trouble ahead\n"));
      const buf = new Uint8Array(200);
      const text = decodeUtf8(buf, 0, yield* sys.read(fd, buf));
      expect(text).toMatch(/^3,\d+,\d+,-;trouble ahead\n$/);
      expect(k.kernel.log.text()).toContain("trouble ahead");
    });
  });

  it("a port carries bytes to the outside and back", () => {
    const port = new OutsidePort(k.kernel, 4);
    let heard = "";
    port.onData((bytes) => {
      heard += decodeUtf8(bytes);
    });
    const reader = k.spawn(function* (sys) {
      const fd = yield* open(sys, "/dev/vport0p4");
      yield* sys.write(fd, encodeUtf8("ready\n"));
      const buf = new Uint8Array(20);
      return decodeUtf8(buf, 0, yield* sys.read(fd, buf));
    });
    k.advance(10);
    expect([heard, reader.done]).toEqual(["ready\n", false]);
    port.push("go on");
    k.advance(10);
    expect(reader.value).toBe("go on");
  });
});
