import { describe, expect, test } from "vitest";
import { boot } from "../../machine/testing.ts";

const plain = (text: string): string => text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "").replaceAll("\r", "");

describe("on a terminal", () => {
  test("ls lays names out in columns by the width of the window and quotes odd ones", () => {
    const m = boot();
    m.run("mkdir /w; cd /w; touch 'a b' c d $(seq 100 130)");
    const t = m.terminal(24, 40);
    t.type("cd /w; unset LS_COLORS; TERM=dumb\n");
    const output = plain(t.type("ls\n"));
    expect(output).toContain("\n 100   106   112   118\t 124   130\n");
    expect(output).toContain("\n 101   107   113   119\t 125  'a b'\n");
    t.resize(24, 20);
    expect(plain(t.type("ls\n"))).toContain("\n 100   112   124\n");
    m.check();
  });

  test("stty shows and sets the line discipline", () => {
    const m = boot();
    const t = m.terminal(30, 90);
    expect(plain(t.type("stty size\n"))).toContain("30 90\n");
    expect(plain(t.type("stty tostop; stty | tail -n 1\n"))).toContain("tostop\n");
    expect(plain(t.type("stty -a | head -n 1\n"))).toContain("speed 38400 baud; rows 30; columns 90; line = 0;\n");
    expect(plain(t.type("s=$(stty -g); stty raw; stty $s; stty -a | grep -c -- '-icanon'\n"))).toContain("0\n");
    m.check();
  });

  test("nohup takes the terminal away", () => {
    const m = boot();
    const t = m.terminal();
    expect(plain(t.type("cd /tmp; nohup echo hi\n"))).toContain("nohup: ignoring input and appending output to 'nohup.out'\n");
    expect(m.read("/tmp/nohup.out")).toBe("hi\n");
  });
});

describe("tail -F", () => {
  test("follows a name through truncation, removal and return", () => {
    const m = boot();
    const script = `cd /tmp; echo 1 > n
(sleep .3; echo new >> n; sleep .3; : > n; sleep .3; echo x >> n; sleep .2; rm n; sleep .2; echo y > n) &
timeout 3 tail -n 1 -F n`;
    const { stdout, stderr, status } = m.run(script);
    expect({ stdout, stderr, status }).toEqual({
      stdout: "1\nnew\nx\ny\n",
      stderr:
        "tail: n: file truncated\ntail: 'n' has become inaccessible: No such file or directory\ntail: 'n' has appeared;  following new file\n",
      status: 124,
    });
    m.check();
  });

  test("ends with the process of --pid", () => {
    const m = boot();
    const { stdout, status } = m.run("echo a > /tmp/f; sleep 2 & tail --pid=$! -f /tmp/f; echo done");
    expect({ stdout, status }).toEqual({ stdout: "a\ndone\n", status: 0 });
  });
});

describe("files move and are copied", () => {
  test("mv across filesystems copies, then removes", () => {
    const m = boot();
    const { stdout, status } = m.run(
      "mkdir -p /tmp/a/b; echo 1 > /tmp/a/b/c; chmod 640 /tmp/a/b/c; mv -v /tmp/a /root/aa; stat -c %a /root/aa/b/c",
    );
    expect({ stdout, status }).toEqual({
      stdout:
        "created directory '/root/aa'\ncreated directory '/root/aa/b'\ncopied '/tmp/a/b/c' -> '/root/aa/b/c'\n" +
        "removed '/tmp/a/b/c'\nremoved directory '/tmp/a/b'\nremoved directory '/tmp/a'\n640\n",
      status: 0,
    });
    m.check();
  });

  test("cp leaves holes as they are, and reads files of /proc", () => {
    const m = boot();
    const { stdout } = m.run("cd /tmp; truncate -s 10G big; cp big copy; stat -c %s copy; cp /proc/sys/kernel/hostname h; cat h");
    expect(stdout).toBe("10737418240\ndrydock\n");
  });
});

describe("signals", () => {
  test("dd tells its statistics when asked by USR1", () => {
    const m = boot();
    const { stderr } = m.run("dd if=/dev/zero of=/dev/null & sleep 0.5; kill -USR1 $!; sleep 0.1; kill $!; wait 2>/dev/null");
    expect(stderr).toMatch(/^\d+\+0 records in\n\d+\+0 records out\n\d+ bytes \([\d.]+ MB, [\d.]+ MiB\) copied, 0\.5\d* s, [\d.]+ MB\/s\n/);
    m.check();
  });

  test("timeout's child can be killed by force", () => {
    const m = boot();
    expect(m.run("timeout -k 1 1 sh -c 'trap \"\" TERM; while :; do sleep 0.1; done'").status).toBe(137);
    expect(m.run("timeout 1 sleep 5").status).toBe(124);
    m.check();
  });
});

describe("mount", () => {
  test("mounts, shows and takes away a tmpfs; only root may", () => {
    const m = boot();
    const { stdout, stderr } =
      m.run(`mkdir /mnt/t; mount -t tmpfs t /mnt/t -o size=10M; df -h /mnt/t; mountpoint /mnt/t; umount /mnt/t; umount /mnt/t; echo $?
cd /; su nobody -s /bin/sh -c 'mount -t tmpfs x /tmp; umount /proc'`);
    expect(stdout).toBe(
      "Filesystem      Size  Used Avail Use% Mounted on\nt                10M     0   10M   0% /mnt/t\n/mnt/t is a mountpoint\n32\n",
    );
    expect(stderr).toBe(
      "umount: /mnt/t: not mounted.\nmount: /tmp: must be superuser to use mount.\n" +
        "       dmesg(1) may have more information after failed mount system call.\numount: /proc: must be superuser to unmount.\n",
    );
    m.check();
  });
});
