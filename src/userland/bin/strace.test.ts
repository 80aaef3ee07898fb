import { describe, expect, it } from "vitest";
import { boot } from "../../machine/testing.ts";

const lines = (text: string): string[] =>
  text
    .replace(/0x[0-9a-f]+/g, "PTR")
    .split("\n")
    .filter((line) => line !== "");

describe("strace", () => {
  it("shows the whole life of a small program", () => {
    const { stdout, stderr, status } = boot().run("strace true");
    expect(stdout).toBe("");
    expect(status).toBe(0);
    expect(lines(stderr)).toEqual([
      expect.stringMatching(/^execve\("\/usr\/bin\/true", \["true"\], PTR \/\* \d+ vars \*\/\) = 0$/),
      'openat(AT_FDCWD, "/lib/x86_64-linux-gnu/libc.so.6", O_RDONLY|O_CLOEXEC) = 3',
      'read(3, "\\177ELF\\2\\1\\1\\0\\0\\0\\0\\0\\0\\0\\0\\0\\3\\0>\\0\\1\\0\\0\\0\\200\\1@\\0\\0\\0\\0\\0"..., 832) = 832',
      "fstat(3, {st_mode=S_IFREG|0755, st_size=1926232, ...}) = 0",
      "mmap(NULL, 1926232, PROT_READ|PROT_EXEC, MAP_PRIVATE, 3, 0) = PTR",
      "close(3)                                = 0",
      "exit_group(0)                           = ?",
      "+++ exited with 0 +++",
    ]);
  });

  it("names errors", () => {
    const { stderr, status } = boot().run("strace -e trace=openat cat /nowhere 2>&1 >/dev/null | grep nowhere >&2");
    expect(stderr).toBe(
      'openat(AT_FDCWD, "/nowhere", O_RDONLY)  = -1 ENOENT (No such file or directory)\ncat: /nowhere: No such file or directory\n',
    );
    expect(status).toBe(0);
  });

  it("follows children and tells their calls apart", () => {
    const { stdout } = boot().run(
      "strace -f -e trace=write -o t sh -c 'echo a; (echo b); echo c' >/dev/null; sed 's/^[0-9]* *//' t | grep -v SIGCHLD",
    );
    expect(stdout).toBe(
      'write(1, "a\\n", 2)                = 2\nwrite(1, "b\\n", 2)                = 2\n+++ exited with 0 +++\nwrite(1, "c\\n", 2)                = 2\n+++ exited with 0 +++\n',
    );
  });

  it("shows a signal with its sender, and dies of it too", () => {
    const { stderr, status } = boot().run(
      "sh -c \"strace -e trace=none sh -c 'kill -TERM \\$\\$'\" 2>&1 | sed 's/si_pid=[0-9]*/si_pid=N/' >&2",
    );
    expect(stderr.split("\n").slice(0, 2)).toEqual([
      "--- SIGTERM {si_signo=SIGTERM, si_code=SI_USER, si_pid=N, si_uid=0} ---",
      "+++ killed by SIGTERM +++",
    ]);
    expect(status).toBe(0);
  });

  it("attaches to a process and lets it go", () => {
    const m = boot();
    const t = m.terminal();
    m.run("sh -c 'while :; do sleep 1; done' >/dev/null 2>&1 &");
    const pid = m.run("pgrep -f while | head -1").stdout.trim();
    const seen = t.type(`strace -p ${pid} -e trace=fork,wait4\r`, 2500);
    expect(seen).toContain(`strace: Process ${pid} attached\r\n`);
    expect(seen).toContain("wait4(");
    expect(t.type("\x03", 500)).toContain(`strace: Process ${pid} detached\r\n`);
    expect(m.run(`kill -0 ${pid}`).status).toBe(0);
  });

  it("counts with -c", () => {
    const { stderr } = boot().run("strace -c true");
    expect(stderr).toMatch(/^% time {5}seconds {2}usecs\/call {5}calls {4}errors syscall\n------ .*\n/);
    expect(stderr).toMatch(/^100\.00 +0\.\d{6} +\d+ +7 {11}total$/m);
  });
});
