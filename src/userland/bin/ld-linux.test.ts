import { describe, expect, it } from "vitest";
import { boot } from "../../machine/testing.ts";

describe("ld.so", () => {
  it("says which library is missing, as glibc does", () => {
    const m = boot();
    m.run("mkdir -p /jail/bin /jail/lib64 && cp /bin/ls /jail/bin && cp /lib64/ld-linux-x86-64.so.2 /jail/lib64");
    expect(m.run("chroot /jail /bin/ls /")).toEqual({
      stdout: "",
      stderr: "/bin/ls: error while loading shared libraries: libselinux.so.1: cannot open shared object file: No such file or directory\n",
      status: 127,
    });
    m.run(
      "mkdir -p /jail/lib/x86_64-linux-gnu && cp /lib/x86_64-linux-gnu/libselinux.so.1 /lib/x86_64-linux-gnu/libc.so.6 /lib/x86_64-linux-gnu/libpcre2-8.so.0 /jail/lib/x86_64-linux-gnu",
    );
    expect(m.run("chroot /jail /bin/ls /")).toEqual({ stdout: "bin\nlib\nlib64\n", stderr: "", status: 0 });
  });

  it("finds libraries along LD_LIBRARY_PATH first, and refuses what is none", () => {
    const m = boot();
    m.run("mkdir lib; head -c 900 /dev/zero > lib/libc.so.6");
    expect(m.run("LD_LIBRARY_PATH=lib true")).toEqual({ stdout: "", stderr: "", status: 0 });
    expect(m.run("LD_LIBRARY_PATH=lib /bin/true")).toEqual({
      stdout: "",
      stderr: "/bin/true: error while loading shared libraries: lib/libc.so.6: invalid ELF header\n",
      status: 127,
    });
    m.run("echo hello > lib/libc.so.6");
    expect(m.run("LD_LIBRARY_PATH=lib /bin/true").stderr).toBe(
      "/bin/true: error while loading shared libraries: lib/libc.so.6: file too short\n",
    );
  });

  it("reports a preload that is not there, and runs the program all the same", () => {
    expect(boot().run("LD_PRELOAD=/no.so /bin/echo hi")).toEqual({
      stdout: "hi\n",
      stderr: "ERROR: ld.so: object '/no.so' from LD_PRELOAD cannot be preloaded (cannot open shared object file): ignored.\n",
      status: 0,
    });
  });

  it("lists what a program needs, and runs one by hand", () => {
    const m = boot();
    expect(m.run("ld.so --list /bin/true").stdout.replace(/0x[0-9a-f]+/g, "PTR")).toBe(
      "\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (PTR)\n\t/lib64/ld-linux-x86-64.so.2 (PTR)\n",
    );
    expect(m.run("ld.so /bin/echo by hand")).toEqual({ stdout: "by hand\n", stderr: "", status: 0 });
    expect(m.run("ld.so")).toEqual({
      stdout: "",
      stderr: "ld.so: missing program name\nTry 'ld.so --help' for more information.\n",
      status: 1,
    });
  });
});

describe("init", () => {
  it("mounts what a Linux system has, and names the host", () => {
    const m = boot();
    expect(m.run("findmnt -rno TARGET | sort").stdout.split("\n")).toEqual(
      expect.arrayContaining(["/", "/dev", "/dev/pts", "/dev/shm", "/proc", "/run", "/run/lock", "/tmp"]),
    );
    expect(m.run("hostname")).toEqual({ stdout: "drydock\n", stderr: "", status: 0 });
  });

  it("reaps what is orphaned, and takes no harm from signals", () => {
    const m = boot();
    m.run("(sleep 1 & sleep 1 & sleep 1 &) ; kill -TERM 1; kill -KILL 1; sleep 2");
    expect(m.run("ps -eo stat= | grep -c Z")).toEqual({ stdout: "0\n", stderr: "", status: 1 });
  });

  it("gives a terminal a login shell, and says when it has ended", () => {
    const m = boot();
    const t = m.terminal();
    expect(t.output).toContain("Welcome to Drydock");
    expect(t.type("echo $0 $HOME $USER $TERM $SHELL; tty; pwd\r", 500)).toContain(
      "-bash /root root xterm-256color /bin/bash\r\n/dev/pts/0\r\n/root\r\n",
    );
    const closed: number[] = [];
    m.machine.onHangup = (terminal) => closed.push(terminal);
    t.type("exit\r", 1000);
    expect(closed).toEqual([1]);
  });

  it("refuses to run a second time", () => {
    expect(boot().run("/sbin/init")).toEqual({ stdout: "", stderr: "init: must be run as PID 1\n", status: 1 });
  });
});

describe("busybox", () => {
  it("lists its applets and installs links to itself", () => {
    const m = boot();
    expect(m.run("busybox --list | grep -x -e ps -e top -e free").stdout).toBe("free\nps\ntop\n");
    expect(m.run("mkdir b; busybox --install -s b; readlink b/ps; b/ps -o pid,comm | head -2").stdout).toBe(
      "/usr/bin/busybox\nPID   COMMAND\n    1 init\n",
    );
    expect(m.run("busybox nope")).toEqual({ stdout: "", stderr: "nope: applet not found\n", status: 127 });
  });
});
