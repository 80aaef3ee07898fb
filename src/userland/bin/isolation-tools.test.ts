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
    // A mount namespace is pinned on a private mount only, else it would be seen in itself: as unshare(1) shows.
    m.run("mkdir /tmp/pins; mount --bind /tmp/pins /tmp/pins; mount --make-private /tmp/pins");
    expect(
      m.run("touch /tmp/pins/m; unshare --mount=/tmp/pins/m mount -t tmpfs t /mnt; nsenter --mount=/tmp/pins/m findmnt -n -o FSTYPE /mnt"),
    ).toEqual(ok("tmpfs\n"));
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
    expect(m.run("su nobody -s /bin/sh -c 'setpriv --nnp /opt/grep CapEff /proc/self/status'")).toEqual(ok("CapEff:\t0000000000000000\n"));
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

describe("sudo", () => {
  test("root runs commands as others, with an environment of theirs", () => {
    const m = boot();
    expect(m.run("FOO=1 sudo -u nobody env | grep -E '^(FOO|HOME|USER|LOGNAME|SUDO_U.*|SUDO_COMMAND)=' | sort")).toEqual(
      ok("HOME=/nonexistent\nLOGNAME=nobody\nSUDO_COMMAND=/usr/bin/env\nSUDO_UID=0\nSUDO_USER=root\nUSER=nobody\n"),
    );
    expect(
      m.run(
        "FOO=1 sudo -E sh -c 'echo $FOO'; sudo X=2 sh -c 'echo $X'; sudo -s echo 'a b' '$USER'; sudo -i pwd; sudo sh -c 'exit 5'; echo $?",
      ),
    ).toEqual(ok("1\n2\na b root\n/root\n5\n"));
  });

  test("others need a rule, or a password, which nobody has", () => {
    const m = boot();
    expect(m.run("su nobody -s /bin/sh -c 'sudo -n id'").stderr).toBe("sudo: a password is required\n");
    m.run("echo 'nobody ALL=(root) NOPASSWD: /usr/bin/id' > /etc/sudoers.d/nobody");
    expect(m.run("su nobody -s /bin/sh -c 'sudo id -u; sudo -l | tail -n 1; sudo -n true'")).toEqual({
      stdout: "0\n    (root) NOPASSWD: /usr/bin/id\n",
      stderr: "sudo: a password is required\n",
      status: 1,
    });
    expect(m.run("su nobody -s /bin/sh -c 'setpriv --nnp sudo id'").stderr).toMatch(/^sudo: The "no new privileges" flag is set/);
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

describe("box", () => {
  const id = /\b[0-9a-f]{12}\b/g;
  const m = boot();
  const run = (command: string) => m.run(`cd /root/mini-docker; ./box ${command}`, { limitNs: 60e9 });

  test("a box has its own processes, name, root and fewer capabilities", () => {
    const { stdout, stderr } = run(
      "run --hostname inside bash -c 'echo $$; hostname; ls /; mount | grep -c overlay; grep CapEff /proc/self/status'",
    );
    expect(stderr).toBe("");
    expect(stdout).toBe("1\ninside\nbin\ndev\netc\nlib\nlib64\nproc\nroot\nrun\nsbin\nsys\ntmp\nusr\nvar\n1\nCapEff:\t00000000a80405fb\n");
  });

  test("a box runs on in the background, with limits, and tells what it has changed", () => {
    expect(run("run -d --name idle --memory 32M --pids 20 --cpus 0.5 sleep 1000").stdout).toMatch(/^[0-9a-f]{12}\n$/);
    expect(run("exec idle bash -c 'echo hi > /root/new; rm /etc/group; echo x >> /etc/passwd'").status).toBe(0);
    expect(run("diff idle").stdout).toBe("C /etc\nD /etc/group\nC /etc/passwd\nC /root\nA /root/new\n");
    expect(m.run("cat /sys/fs/cgroup/box/*/{memory.max,pids.max,cpu.max}").stdout).toBe("33554432\n20\n50000 100000\n");
    expect(
      run("pause idle; ./box ps | tail -1; ./box unpause idle; ./box ps | tail -1")
        .stdout.replace(id, "ID")
        .match(/paused|running/g),
    ).toEqual(["paused", "running"]);
  });

  test("a box is stopped, started again and removed", () => {
    expect(run("rm idle")).toEqual({ stdout: "", stderr: "box: box idle is running: stop it first\n", status: 1 });
    expect(run("stop idle; ./box ps | tail -1").stdout).toContain("exited (137)");
    expect(run("start idle; ./box exec idle cat /root/new; ./box stop idle; ./box rm idle; ls /sys/fs/cgroup/box -d */").stdout).toContain(
      "hi\n",
    );
    expect(run("exec idle ls")).toEqual({ stdout: "", stderr: "box: no such box: idle\n", status: 1 });
  });

  test("limits hold, and what is missing is named", () => {
    expect(run("run --rm --memory 16M tail /dev/zero")).toEqual({
      stdout: "",
      stderr: "unshare: sigprocmask unblock failed: Invalid argument\nbox: out of memory\n",
      status: 137,
    });
    expect(run("run --rm nosuch")).toEqual({ stdout: "", stderr: "box: command not found inside: nosuch\n", status: 127 });
  });
});
