import { describe, expect, it } from "vitest";
import { boot } from "../../machine/testing.ts";

describe("ps", () => {
  it("shows what init and the shell have started", () => {
    const m = boot();
    expect(m.run("ps -eo pid,ppid,stat,args")).toEqual({
      stdout:
        "  PID  PPID STAT COMMAND\n    1     0 Ss   /sbin/init\n    2     1 Ss   bash --agent 3 -l\n    3     2 R    ps -eo pid,ppid,stat,args\n",
      stderr: "",
      status: 0,
    });
  });

  it("aligns the columns of ps -ef as procps does", () => {
    const { stdout } = boot().run("ps -ef");
    expect(stdout.split("\n").slice(0, 2)).toEqual([
      "UID        PID  PPID  C STIME TTY          TIME CMD",
      "root         1     0  0 00:00 ?        00:00:00 /sbin/init",
    ]);
  });

  it("counts the CPU time that a process really used", () => {
    const m = boot();
    const { stdout } = m.run("stress -q -c 1 & sleep 3; ps -C stress -o time=,pcpu=,stat= --sort=-time | head -1; pkill stress");
    const [time, cpu, stat] = stdout.trim().split(/\s+/);
    expect(time).toMatch(/^00:00:0[23]$/);
    expect(Number(cpu)).toBeGreaterThan(90);
    expect(stat).toBe("R");
  });

  it("draws the tree of f with lines, and of -H with blanks", () => {
    const m = boot();
    const { stdout } = m.run('sh -c "sleep 9 & sleep 9; :" & sleep 0.1; ps f -o args -p $! --ppid $!; ps -H -o args -p $! --ppid $!');
    expect(stdout).toBe(
      "COMMAND\nsh -c sleep 9 & sleep 9; :\n \\_ sleep 9\n \\_ sleep 9\nCOMMAND\nsh -c sleep 9 & sleep 9; :\n  sleep 9\n  sleep 9\n",
    );
  });

  it("speaks busybox where its note says so", () => {
    const { stdout } = boot().run("busybox ps");
    expect(stdout.split("\n").slice(0, 2)).toEqual(["PID   USER     TIME  COMMAND", "    1 root      0:00 /sbin/init"]);
  });
});

describe("top", () => {
  it("draws itself on a terminal, and leaves it as it was", () => {
    const m = boot();
    const t = m.terminal(24, 80);
    const screen = t.type("top\r", 1500);
    expect(screen).toContain("\x1b[7m  PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND");
    expect(screen).toContain("Tasks:");
    const after = t.type("q", 500);
    expect(after.startsWith("\x1b[?25h\x1b[24;1H\x1b[K")).toBe(true);
    expect(t.type("stty -a | tr ' ' '\\n' | sed -n '/^icanon$/p;/^echo$/p'\r", 500)).toContain("icanon\r\necho\r\n");
  });

  it("kills what it is told to", () => {
    const m = boot();
    const t = m.terminal();
    t.type("sleep 100 & p=$!\r", 300);
    const pid = m.run("pgrep -x sleep").stdout.trim();
    t.type("top\r", 500);
    t.type("k", 200);
    t.type(`${pid}\r`, 200);
    t.type("\r", 300);
    t.type("q", 300);
    expect(m.run("pgrep -x sleep")).toEqual({ stdout: "", stderr: "", status: 1 });
  });
});

describe("pstree", () => {
  it("draws ASCII into a pipe and Unicode on a terminal", () => {
    const m = boot();
    expect(m.run("pstree").stdout).toBe("init---bash---pstree\n");
    expect(m.run("sleep 5 & sleep 5 & sleep 0.1; pstree").stdout).toBe("init---bash-+-pstree\n            `-2*[sleep]\n");
    expect(boot().terminal().type("pstree\r", 500)).toContain("init───bash───pstree\r\n");
  });
});
