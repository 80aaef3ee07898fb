import { describe, expect, test } from "vitest";
import { boot } from "../../machine/testing.ts";

const ok = (stdout: string) => ({ stdout, stderr: "", status: 0 });

describe("unshare and nsenter", () => {
  test("a host name of a UTS namespace stays inside", () => {
    expect(boot().run("unshare -u sh -c 'hostname inside; hostname'; hostname")).toEqual(ok("inside\ndrydock\n"));
  });

  test("with --pid --fork --mount-proc the program is process 1 and sees itself alone", () => {
    expect(boot().run("unshare -p -f --mount-proc ps -e -o pid,comm")).toEqual(ok("  PID COMMAND\n    1 ps\n"));
  });

  test("user mappings", () => {
    const m = boot();
    expect(m.run("unshare -U id -u; unshare -r id -u; unshare --map-user=5 id -u")).toEqual(ok("65534\n0\n5\n"));
    expect(m.run("su nobody -s /bin/sh -c 'unshare -r id -u; unshare -c id -u'")).toEqual(ok("0\n65534\n"));
  });

  test("the child's end becomes one's own", () => {
    expect(boot().run("unshare -f sh -c 'exit 3'; echo $?; unshare -f sh -c 'kill -TERM $$'; echo $?")).toEqual({
      stdout: "3\n143\n",
      stderr: "Terminated\n",
      status: 0,
    });
  });

  test("a pinned namespace can be entered after its processes are gone", () => {
    const m = boot();
    expect(m.run("touch /tmp/u; unshare --uts=/tmp/u hostname pinned; nsenter --uts=/tmp/u hostname; umount /tmp/u")).toEqual(
      ok("pinned\n"),
    );
    expect(m.run("touch /tmp/m; unshare --mount=/tmp/m mount -t tmpfs t /mnt; nsenter --mount=/tmp/m findmnt -n -o FSTYPE /mnt")).toEqual(
      ok("tmpfs\n"),
    );
    m.check();
  });

  test("nsenter -t PID -a joins all namespaces of a process", () => {
    const { stdout } = boot().run("unshare -p -f --mount-proc sleep 9 & sleep 1; nsenter -t $(pgrep -x sleep) -a ps -e -o comm=; kill %1");
    expect(stdout).toBe("sleep\nps\n");
  });

  test("lsns shows a namespace once it is there", () => {
    const { stdout } = boot().run("unshare -u sleep 9 & sleep 1; lsns -n -t uts -o NPROCS,COMMAND; kill %1");
    expect(stdout).toBe("     3 /sbin/init\n     1 sleep 9\n");
  });
});

describe("privileges", () => {
  test("file capabilities count where set-user-ID does", () => {
    const m = boot();
    m.run("cp /bin/grep /opt/grep; setcap cap_chown+ep /opt/grep");
    expect(m.run("setpriv --reuid nobody --clear-groups /opt/grep CapEff /proc/self/status")).toEqual(ok("CapEff:\t0000000000000001\n"));
    expect(m.run("su nobody -s /bin/sh -c 'setpriv --nnp /opt/grep CapEff /proc/self/status'")).toEqual(
      ok("CapEff:\t0000000000000000\n"),
    );
  });

  test("setpriv gives an ambient capability across a change of user", () => {
    const run = "setpriv --reuid nobody --clear-groups --inh-caps +kill --ambient-caps +kill grep -e CapEff -e CapAmb /proc/self/status";
    expect(boot().run(run)).toEqual(ok("CapEff:\t0000000000000020\nCapAmb:\t0000000000000020\n"));
  });

  test("a capability that capsh drops is gone for the shell", () => {
    expect(boot().run("capsh --drop=cap_chown -- -c 'touch /tmp/f; chown 1 /tmp/f'")).toEqual({
      stdout: "",
      stderr: "chown: changing ownership of '/tmp/f': Operation not permitted\n",
      status: 1,
    });
  });
});

describe("mini-docker", () => {
  const setUp = (m: ReturnType<typeof boot>): void => {
    m.run(
      "cd /root/mini-docker; mkdir container_root; cd container_root; mkdir bin lib lib64 lib/x86_64-linux-gnu; cp /bin/ls /bin/echo bin",
    );
    m.run("for l in libselinux.so.1 libc.so.6 libpcre2-8.so.0; do cp /lib/x86_64-linux-gnu/$l lib/x86_64-linux-gnu; done");
    m.run("cp /lib64/ld-linux-x86-64.so.2 lib64; cd ..");
  };

  test("says what is missing", () => {
    const m = boot();
    expect(m.run("/root/mini-docker/mini-docker run ls").stderr).toBe("container_root not found in /root/mini-docker\n");
    setUp(m);
    expect(m.run("./mini-docker run nosuch")).toEqual({
      stdout: "",
      stderr: "Command not found inside container: nosuch\nContainer exited with code 127\n",
      status: 127,
    });
    m.run("rm container_root/lib/x86_64-linux-gnu/libpcre2-8.so.0");
    expect(m.run("./mini-docker run ls").stderr).toMatch(/^ls: error while loading shared libraries: libpcre2-8\.so\.0: /);
    m.run("cp -r /root/mini-docker /opt");
    expect(m.run("su nobody -s /bin/sh -c '/opt/mini-docker/mini-docker run ls'").stderr).toBe("Permission denied. Use sudo.\n");
  });

  test("runs a program that sees its own root alone, and reports how it ended", () => {
    const m = boot();
    setUp(m);
    expect(m.run("./mini-docker run ls /")).toEqual({ stdout: "bin\nlib\nlib64\n", stderr: "Container exited with code 0\n", status: 0 });
    expect(m.run("./mini-docker run echo hello world").stdout).toBe("hello world\n");
    expect(m.run("./mini-docker run ls /nosuch").status).toBe(2);
    m.check();
  });
});
