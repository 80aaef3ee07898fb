import { describe, expect, it } from "vitest";
import { ENOENT } from "../../abi/errno.ts";
import { syscalls, syscallTable } from "../../abi/syscall-table.ts";
import { decodeEntry, decodeExit, isKnownFormat } from "./decode.ts";

const o = { max: 32, verbose: false, hex: 0 } as const;
const show = (name: string, args: readonly unknown[], result: unknown): string => {
  const { rest, result: text } = decodeExit(name, args, result, o, new Map());
  return `${decodeEntry(name, args, o, new Map())}${rest}) = ${text}`;
};
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("system calls as text", () => {
  it("knows every format of the table", () => {
    for (const { name, args } of syscalls.values()) for (const word of args) expect(isKnownFormat(word), `${name}: ${word}`).toBe(true);
  });

  it("lists each call once, by ascending number", () => {
    const names = syscallTable.map((entry) => entry.name);
    expect(new Set(names).size).toBe(names.length);
    expect([...syscallTable].sort((a, b) => a.number - b.number)).toEqual(syscallTable);
  });

  it("writes flags, modes and errors as strace does", () => {
    expect(show("openat", [-100, "/x", 0o102 | 0o1000, 0o644], 3)).toBe('openat(AT_FDCWD, "/x", O_RDWR|O_CREAT|O_TRUNC, 0644) = 3');
    expect(show("openat", [-100, "/x", 0], ENOENT)).toBe('openat(AT_FDCWD, "/x", O_RDONLY) = -1 ENOENT (No such file or directory)');
    expect(show("faccessat2", [-100, "/x", 0, 0], undefined)).toBe('faccessat2(AT_FDCWD, "/x", F_OK, 0) = 0');
    expect(show("mknodat", [-100, "p", 0o10644, 0], undefined)).toBe('mknodat(AT_FDCWD, "p", S_IFIFO|0644) = 0');
    expect(show("umask", [0o22], 0o77)).toBe("umask(022) = 077");
    expect(show("kill", [5, 15], undefined)).toBe("kill(5, SIGTERM) = 0");
    expect(show("unlinkat", [-100, "d", 0x200], undefined)).toBe('unlinkat(AT_FDCWD, "d", AT_REMOVEDIR) = 0');
  });

  it("shows what a call fills in only where it did not fail", () => {
    expect(show("read", [3, bytes("hello\n\0\x001rest")], 9)).toBe('read(3, "hello\\n\\0\\0001", 13) = 9');
    expect(show("pipe2", [0o2000000], [3, 4])).toBe("pipe2([3, 4], O_CLOEXEC) = 0");
    expect(show("getcwd", [], "/root")).toBe('getcwd("/root", 4096) = 6');
    expect(show("readlinkat", [-100, "l"], "target")).toBe('readlinkat(AT_FDCWD, "l", "target", 4096) = 6');
    expect(show("readlinkat", [-100, "l"], ENOENT)).toMatch(/^readlinkat\(AT_FDCWD, "l", 0x[0-9a-f]+, 4096\) = -1 ENOENT/);
  });

  it("cuts long strings and shortens octal escapes where no digit follows", () => {
    expect(show("write", [1, bytes("x".repeat(40))], 40)).toBe(`write(1, "${"x".repeat(32)}"..., 40) = 40`);
    expect(show("write", [1, bytes("\x1b[0m\x07")], 5)).toBe('write(1, "\\33[0m\\7", 5) = 5');
  });

  it("explains statuses, signals and waiting", () => {
    const rusage = { utimeNs: 0, stimeNs: 0, maxrss: 0, minflt: 0, majflt: 0, nvcsw: 0, nivcsw: 0 };
    expect(show("wait4", [-1, 1], { pid: 7, status: 0x300, rusage })).toBe(
      "wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], WNOHANG, NULL) = 7",
    );
    expect(show("wait4", [-1, 0], { pid: 7, status: 9, rusage })).toBe(
      "wait4(-1, [{WIFSIGNALED(s) && WTERMSIG(s) == SIGKILL}], 0, NULL) = 7",
    );
    expect(show("rt_sigprocmask", [0, 0x10000n], 0n)).toBe("rt_sigprocmask(SIG_BLOCK, [CHLD], [], 8) = 0");
    expect(show("poll", [[{ fd: 0, events: 1, revents: 1 }], -1], 1)).toBe(
      "poll([{fd=0, events=POLLIN}], 1, -1) = 1 ([{fd=0, revents=POLLIN}])",
    );
    expect(show("poll", [[{ fd: 0, events: 1, revents: 0 }], 5], 0)).toBe("poll([{fd=0, events=POLLIN}], 1, 5) = 0 (Timeout)");
  });
});
