import { expect, test } from "vitest";
import { boot, type TestTerminal } from "../../machine/testing.ts";

/** What a person would see: escape sequences and the prompt's colours taken away. */
function plain(text: string): string {
  return text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "").replace(/\r/g, "");
}

function login(): TestTerminal {
  const t = boot().terminal();
  t.wait(2000);
  return t;
}

const PROMPT = "root@drydock:~# ";

test("a typed line is echoed, run, and followed by a prompt", () => {
  const t = login();
  expect(plain(t.type("echo hi\r", 300))).toBe(`echo hi\nhi\n${PROMPT}`);
});

test("^Z stops a program and tells of it, fg goes on with it, ^C kills it", () => {
  const t = login();
  t.type("sleep 100\r", 300);
  expect(plain(t.type("\x1a", 300))).toBe(`^Z\n[1]+  Stopped                 sleep 100\n${PROMPT}`);
  expect(plain(t.type("bg\r", 300))).toBe(`bg\n[1]+ sleep 100 &\n${PROMPT}`);
  expect(plain(t.type("jobs\r", 300))).toBe(`jobs\n[1]+  Running                 sleep 100 &\n${PROMPT}`);
  expect(plain(t.type("fg\r", 300))).toBe("fg\nsleep 100\n");
  expect(plain(t.type("\x03", 300))).toBe(`^C\n${PROMPT}`);
  expect(plain(t.type("echo $?\r", 300))).toBe(`echo $?\n130\n${PROMPT}`);
});

test("a background job is told of before the next prompt", () => {
  const t = login();
  expect(plain(t.type("sleep 1 &\r", 2000))).toMatch(/^sleep 1 &\n\[1\] \d+\n/);
  expect(plain(t.type("\r", 300))).toBe(`\n[1]+  Done                    sleep 1\n${PROMPT}`);
});

test("an unfinished command asks for more with PS2, and is one entry of the history", () => {
  const t = login();
  expect(plain(t.type("if true\r", 300))).toBe("if true\n> ");
  t.type("then echo y\r", 300);
  expect(plain(t.type("fi\r", 300))).toBe(`fi\ny\n${PROMPT}`);
  expect(plain(t.type("\x1b[A\r", 300))).toContain("if true; then echo y; fi\ny\n");
});

test("tab completes commands, files and variables; twice tab lists them", () => {
  const t = login();
  t.type("mkdir apple apricot\r", 300);
  expect(plain(t.type("rmdi\tap\t", 300))).toContain("rmdir ap");
  expect(plain(t.type("\t\t", 300))).toContain("apple/    apricot/");
  expect(plain(t.type("r\t\r", 300))).toContain("icot/");
  expect(plain(t.type("ls\r", 300))).toContain("apple");
  expect(plain(t.type("echo $HOM\t\r", 300))).toContain("/root");
});

test("emacs keys edit the line", () => {
  const t = login();
  t.type("cho ac\x01e\x05d\x02b\r", 300);
  expect(plain(t.output)).toContain("\nacbd\n");
  expect(plain(t.type("echo one two\x17three\r", 300))).toContain("\none three\n");
  expect(plain(t.type("echo \x19\r", 300))).toContain("\ntwo\n");
  expect(plain(t.type("echo \x1b.\r", 300))).toContain("\ntwo\n");
});

test("^R finds an earlier line", () => {
  const t = login();
  t.type("echo findme\r", 300);
  t.type("echo other\r", 300);
  expect(plain(t.type("\x12find\r", 300))).toContain("\nfindme\n");
});

test("history expansion shows the line that it makes", () => {
  const t = login();
  t.type("echo first\r", 300);
  expect(plain(t.type("!!\r", 300))).toBe(`!!\necho first\nfirst\n${PROMPT}`);
  expect(plain(t.type("echo !$ again\r", 300))).toBe(`echo !$ again\necho first again\nfirst again\n${PROMPT}`);
  expect(plain(t.type("!nosuch\r", 300))).toContain("!nosuch: event not found");
});

test("^C at the prompt drops the line", () => {
  const t = login();
  t.type("echo never", 200);
  expect(plain(t.type("\x03", 300))).toBe(`^C\n${PROMPT}`);
  expect(plain(t.type("echo $?\r", 300))).toBe(`echo $?\n130\n${PROMPT}`);
});

test("^C breaks a loop of builtins and a loop of programs", () => {
  const t = login();
  t.type("while :; do :; done\r", 500);
  expect(plain(t.type("\x03", 500))).toBe(`^C\n${PROMPT}`);
  t.type("while :; do sleep 1; done\r", 1500);
  expect(plain(t.type("\x03", 500))).toBe(`^C\n${PROMPT}`);
});

test("a pasted text is not run line by line", () => {
  const t = login();
  const seen = plain(t.type("\x1b[200~echo a\necho b\x1b[201~", 300));
  expect(seen).toContain("echo a\necho b");
  expect(plain(t.type("\r", 300))).toBe(`\na\nb\n${PROMPT}`);
});

test("a long line wraps at the window's width and can be edited over rows", () => {
  const t = login();
  const long = "x".repeat(100);
  t.type(`echo ${long}`, 300);
  expect(plain(t.type("\x01\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C-\x05y\r", 300))).toContain(`\n-${long}y\n`);
});

test("^D leaves the shell", () => {
  const t = login();
  expect(plain(t.type("\x04", 300))).toContain("logout\n");
});
