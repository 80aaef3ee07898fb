import { describe, expect, it } from "vitest";
import { boot } from "../../machine/testing.ts";

/** Just enough of a terminal to see what a full-screen program shows. */
class Vt {
  private cells: string[][];
  private saved = {};
  private row = 0;
  private col = 0;

  constructor(
    readonly rows: number,
    readonly cols: number,
  ) {
    this.cells = this.blank();
  }

  private blank(): string[][] {
    return Array.from({ length: this.rows }, () => []);
  }

  write(text: string): this {
    for (const [, escape, ch] of text.matchAll(/(\x1b\[[0-9;?]*[A-Za-z])|([\s\S])/g)) {
      if (escape !== undefined) this.sequence(escape);
      else if (ch === "\r") this.col = 0;
      else if (ch === "\n") this.lineFeed();
      else if (ch === "\b") this.col--;
      else if (ch !== undefined && ch >= " ") this.put(ch);
    }
    return this;
  }

  private put(ch: string): void {
    const line = this.cells[this.row] as string[];
    while (line.length < this.col) line.push(" ");
    line[this.col++] = ch;
  }

  private lineFeed(): void {
    if (this.row < this.rows - 1) this.row++;
    else {
      this.cells.shift();
      this.cells.push([]);
    }
  }

  private sequence(text: string): void {
    const numbers = text.slice(2, -1).split(";").map(Number);
    if (text === "\x1b[?1049h") {
      this.saved = { cells: this.cells, row: this.row, col: this.col };
      this.cells = this.blank();
    } else if (text === "\x1b[?1049l") Object.assign(this, this.saved);
    else if (text.endsWith("H")) {
      this.row = (numbers[0] || 1) - 1;
      this.col = (numbers[1] || 1) - 1;
    } else if (text.endsWith("K")) (this.cells[this.row] as string[]).length = Math.min(this.col, this.cells[this.row]?.length ?? 0);
    else if (text.endsWith("J")) {
      (this.cells[this.row] as string[]).length = this.col;
      for (let i = this.row + 1; i < this.rows; i++) this.cells[i] = [];
    }
  }

  get lines(): string[] {
    return this.cells.map((line) => line.join("").trimEnd());
  }
}

function session(setup: string, rows = 8, cols = 60) {
  const machine = boot();
  machine.run(`cd /root && ${setup}`);
  const terminal = machine.terminal(rows, cols);
  const vt = new Vt(rows, cols);
  vt.write(terminal.wait(500));
  return {
    machine,
    terminal,
    vt,
    /** The screen after some keys. */
    type(keys: string, ms = 500): string[] {
      return vt.write(terminal.type(keys, ms)).lines;
    },
  };
}

describe("less", () => {
  it("pages, searches, jumps, and leaves the screen as it was", () => {
    const s = session("seq 1 100 > n");
    expect(s.type("less n\r")).toEqual(["1", "2", "3", "4", "5", "6", "7", "n"]);
    expect(s.type(" ")).toEqual(["8", "9", "10", "11", "12", "13", "14", ":"]);
    expect(s.type("/4\r")[0]).toBe("14");
    expect(s.type("n")[0]).toBe("24");
    expect(s.type("50g")[0]).toBe("50");
    expect(s.type("G")).toEqual(["94", "95", "96", "97", "98", "99", "100", "(END)"]);
    expect(s.type("q")[0]).toMatch(/less n$/);
  });

  it("shows a pipe as it comes, and stops its writer when it is left", () => {
    const s = session("true");
    expect(s.type("yes | less\r").slice(0, 2)).toEqual(["y", "y"]);
    s.type("q");
    expect(s.machine.run("pgrep yes").status).toBe(1);
  });

  it("folds or chops long lines, and follows the size of the window", () => {
    const s = session("printf '0123456789abcdef\\nsecond\\n' > f", 4, 10);
    expect(s.type("less f\r", 500).slice(0, 3)).toEqual(["0123456789", "abcdef", "second"]);
    s.type("-S\r");
    expect(s.type("")[1]).toBe("second");
    s.terminal.resize(3, 30);
    const vt = new Vt(3, 30).write(s.terminal.wait(500));
    expect(vt.lines.slice(0, 2)).toEqual(["0123456789abcdef", "second"]);
  });

  it("with -F prints what fits and ends", () => {
    const s = session("echo short > f");
    expect(s.type("less -F f; echo done\r").filter((line) => /^(short|done)$/.test(line))).toEqual(["short", "done"]);
  });

  it("is cat where stdout is no terminal", () => {
    const machine = boot();
    machine.run("echo hi > /tmp/f; mkdir /tmp/d");
    expect(machine.run("less /tmp/f | cat")).toEqual({ stdout: "hi\n", stderr: "", status: 0 });
    expect(machine.run("less /tmp/d | cat").stderr).toBe("/tmp/d is a directory\n");
  });
});

describe("more", () => {
  it("shows a screen at a time and ends at the end", () => {
    const s = session("seq 1 12 > n", 6);
    expect(s.type("more n\r").at(-1)).toMatch(/^--More--\([0-9]+%\)$/);
    expect(s.type("\r").slice(-2)[0]).toBe("6");
    expect(s.type("   ").at(-1)).toMatch(/# $|#$/);
  });
});

describe("watch", () => {
  it("runs the command every interval and ends with ^C", () => {
    const s = session("echo 1 > f");
    expect(s.type("watch -t -n 1 cat f\r", 700)[0]).toBe("1");
    s.machine.run("echo 2 > /root/f");
    expect(s.type("", 1500)[0]).toBe("2");
    expect(s.type("\x03").join("\n")).toMatch(/watch -t/);
  });

  it("shows its header", () => {
    const s = session("true");
    expect(s.type("watch date\r")[0]).toMatch(/^Every 2\.0s: date +drydock: ... ... .. ..:..:.. 20..$/);
  });
});

describe("vi", () => {
  it("edits a file, keeps its mode and says what it wrote", () => {
    const s = session("printf 'alpha\\nbeta\\n' > f; chmod 600 f");
    expect(s.type("vi f\r")).toMatchObject({ 0: "alpha", 1: "beta", 2: "~", 7: expect.stringMatching(/^"f" 2L, 11B +1,1 +All$/) });
    expect(s.type("ddonew line\x1b:w\r").at(-1)).toMatch(/^"f" 2L, 14B written/);
    s.type(":q\r");
    expect(s.machine.run("cat /root/f; stat -c %a /root/f; ls -a /root").stdout).toContain("beta\nnew line\n600\n");
  });

  it("does not quit with changes unless told to", () => {
    const s = session("echo a > f");
    s.type("vi f\r");
    expect(s.type("x:q\r").at(-1)).toMatch(/^E37: No write since last change \(add ! to override\)/);
    s.type(":q!\r");
    expect(s.machine.run("cat /root/f").stdout).toBe("a\n");
  });

  it("tells new files, directories and read-only files apart", () => {
    const s = session("mkdir d; echo r > r");
    expect(s.type("vi new\r").at(-1)).toMatch(/^"new" \[New\]/);
    s.type(":q\r");
    expect(s.type("vi d\r").at(-1)).toMatch(/^"d" is a directory/);
    s.type(":q\r");
    expect(s.type("vi -R r\r").at(-1)).toMatch(/^"r" \[readonly\] 1L, 2B/);
    expect(s.type("x:w\r").at(-1)).toMatch(/^E45: 'readonly' option is set/);
  });

  it("stops with ^Z and goes on with fg", () => {
    const s = session("echo text > f");
    s.type("vi f\r");
    expect(s.type("\x1a").join("\n")).toContain("Stopped");
    expect(s.type("fg\r")[0]).toBe("text");
  });

  it("runs commands, filters and follows the size of the window", () => {
    const s = session("printf 'c\\nb\\na\\n' > f");
    s.type("vi f\r");
    expect(s.type(":%!sort\r").slice(0, 3)).toEqual(["a", "b", "c"]);
    expect(s.type(":!echo from $((1+1))\r").join("\n")).toContain("from 2");
    s.type("\r");
    s.terminal.resize(5, 50);
    expect(new Vt(5, 50).write(s.terminal.wait(500)).lines.slice(0, 4)).toEqual(["a", "b", "c", "~"]);
  });
});

describe("nano", () => {
  it("shows its keys, edits, writes and leaves", () => {
    const s = session("printf 'alpha\\nbeta\\n' > f", 8, 80);
    expect(s.type("nano f\r")).toEqual([
      "  GNU nano 7.2                           f",
      "alpha",
      "beta",
      "",
      "",
      "                                [ Read 2 lines ]",
      "^G Help      ^O Write Out ^W Where Is  ^K Cut       M-U Undo     ^C Location",
      "^X Exit      ^R Read File ^\\ Replace   ^U Paste     M-E Redo     ^/ Go To Line",
    ]);
    expect(s.type("new ")[0]).toMatch(/ f +Modified$/);
    expect(s.type("\x0f")[5]).toBe("File Name to Write: f");
    expect(s.type("\r")[5]).toContain("[ Wrote 2 lines ]");
    s.type("\x18");
    expect(s.machine.run("cat /root/f").stdout).toBe("new alpha\nbeta\n");
  });

  it("cuts, pastes, undoes, searches and replaces", () => {
    const s = session("printf 'one\\ntwo\\nthree\\n' > f", 9, 80);
    s.type("nano f\r");
    expect(s.type("\x0b\x0b").slice(1, 3)).toEqual(["three", ""]);
    expect(s.type("\x16\x15").slice(1, 4)).toEqual(["three", "one", "two"]);
    expect(s.type("\x1bu")[6]).toContain("[ Undid paste ]");
    expect(s.type("\x17zzz\r")[6]).toContain('[ "zzz" not found ]');
    expect(s.type("\x1b\\\x1ce\rE\ra")[6]).toContain("[ Replaced 2 occurrences ]");
    expect(s.type("")[1]).toBe("thrEE");
    expect(s.type("\x18")[6]).toBe("Save modified buffer?");
    s.type("n");
    expect(s.machine.run("cat /root/f").stdout).toBe("one\ntwo\nthree\n");
  });
});

describe("a pager whose input does not come", () => {
  it("can be left all the same", () => {
    const s = session("true");
    s.type("(echo one; sleep 1000) | less\r");
    expect(s.type("q").join("\n")).toMatch(/less/);
    s.type("\x03");
    s.type("sleep 1000 | more\r");
    s.type("q");
    s.type("\x03");
    expect(s.type("echo free\r").filter((line) => line === "free")).toHaveLength(1);
  });
});
