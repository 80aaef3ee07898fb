import { expect, test } from "vitest";
import { boot } from "../../machine/testing.ts";

test("requests share one shell: variables, directory, functions and options stay", () => {
  const m = boot();
  m.run("x=5; cd /tmp; f() { echo f $1; }");
  expect(m.run("echo $x $PWD; f 1")).toEqual({ stdout: "5 /tmp\nf 1\n", stderr: "", status: 0 });
});

test("lines are counted anew in each request", () => {
  const m = boot();
  m.run("true\ntrue");
  expect(m.run("nosuch\ntrue\nnosuch2")).toEqual({
    stdout: "",
    stderr: "bash: line 1: nosuch: command not found\nbash: line 3: nosuch2: command not found\n",
    status: 127,
  });
});

test("a syntax error gives 2 and does not end the shell", () => {
  const m = boot();
  expect(m.run("echo one\nif then")).toMatchObject({ stdout: "one\n", status: 2 });
  expect(m.run("echo still")).toEqual({ stdout: "still\n", stderr: "", status: 0 });
});

test("an error that drops the line does not end the shell", () => {
  const m = boot();
  expect(m.run("echo $" + "{nope?}; echo never")).toEqual({ stdout: "", stderr: "bash: line 1: nope: parameter not set\n", status: 1 });
  expect(m.run("echo $((1/0))\necho next")).toEqual({
    stdout: "next\n",
    stderr: 'bash: line 1: 1/0: division by 0 (error token is "0")\n',
    status: 0,
  });
});

test("a subshell's changes are its own, whichever side writes first", () => {
  const m = boot();
  m.run("show() { printf '%s ' $x $" + "{a[*]}; f; }");
  m.run("x=1; a=(1 2); f() { echo old; }; (x=2; a[0]=9; f() { echo new; }; sleep 0.1; show) > /tmp/child & x=3; a+=(4)");
  expect(m.run("wait; cat /tmp/child; show").stdout).toBe("2 9 2 new\n3 1 2 4 old\n");
});

test("unbounded recursion ends in a message", () => {
  const m = boot();
  expect(m.run("f() { f; }; f")).toEqual({
    stdout: "",
    stderr: "bash: line 1: f: maximum function nesting level exceeded (500)\n",
    status: 1,
  });
  expect(m.run("echo alive").stdout).toBe("alive\n");
});

test("an endless loop is cut at the time limit, and the shell lives on", () => {
  const m = boot();
  expect(m.run("while :; do :; done", { limitNs: 1e9 }).status).toBe(124);
  expect(m.run("echo alive").stdout).toBe("alive\n");
});

test("a pipeline's stages run at once", () => {
  const m = boot();
  expect(m.run("yes | head -n 2; seq 1 100000 | tail -n 1 | cat")).toEqual({ stdout: "y\ny\n100000\n", stderr: "", status: 0 });
});
