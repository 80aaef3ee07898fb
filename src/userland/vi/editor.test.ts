import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { encodeUtf8 } from "../../abi/utf8.ts";
import { Editor } from "./editor.ts";
import { ExError, parseEx, runEx } from "./ex.ts";
import { layout } from "./screen.ts";

function edit(text: string, keys: string): Editor {
  const editor = new Editor();
  editor.buffer.load(text);
  for (const key of Array.from(keys)) {
    editor.feed(key);
    for (const effect of editor.takeEffects()) {
      if (effect.kind !== "ex") continue;
      try {
        runEx(editor, parseEx(editor, effect.line));
      } catch (e) {
        if (!(e instanceof ExError)) throw e;
        editor.message = e.message;
      }
      editor.buffer.end();
      editor.buffer.clamp();
    }
  }
  return editor;
}

interface Recording {
  readonly texts: Readonly<Record<string, string>>;
  readonly cases: readonly { readonly on: string; readonly keys: string; readonly result: string; readonly cursor: string }[];
}

// What vim 9 makes of the same keys: see src/parity/record-vi.ts.
const recording = JSON.parse(readFileSync(join(import.meta.dirname, "../../parity/vi-editor.json"), "utf8")) as Recording;

describe("vi edits as vim does", () => {
  test.each(recording.cases)("$keys on $on", ({ on, keys, result, cursor }) => {
    const { buffer } = edit(recording.texts[on] ?? on, keys);
    const column = encodeUtf8(buffer.line().slice(0, buffer.cursor.col)).length + 1;
    expect({ result: buffer.text, cursor: `${buffer.cursor.line + 1} ${column}` }).toEqual({ result, cursor });
  });
});

describe("vi", () => {
  it("undoes command by command, and redoes", () => {
    expect(edit("abc\n", "xxxuu").buffer.text).toBe("bc\n");
    expect(edit("abc\n", "xxxuu\x12").buffer.text).toBe("c\n");
    expect(edit("abc\n", "xu").buffer.modified).toBe(false);
  });

  it("reports what it cannot do in vim's words", () => {
    expect(edit("abc\n", "/nope\r").message).toBe("E486: Pattern not found: nope");
    expect(edit("abc\n", ":5d\r").message).toBe("E16: Invalid range");
    expect(edit("abc\n", "'q").message).toBe("E20: Mark not set");
    expect(edit("abc\n", ":set foo\r").message).toBe("E518: Unknown option: foo");
  });

  it("folds long lines, shows tildes after the end and keeps the cursor in the window", () => {
    const editor = edit("0123456789abc\nx\n", "j");
    expect(layout(editor, 5, 10, "f", false)).toMatchObject({ rows: ["0123456789", "abc", "x", "~", "~"], cursorRow: 2, cursorCol: 0 });
    const long = edit(Array.from({ length: 50 }, (_, i) => `${i}\n`).join(""), "G");
    expect(layout(long, 5, 60, "f", false).rows).toEqual(["45", "46", "47", "48", "49"]);
    expect(layout(long, 5, 60, "f", false).status).toMatch(/50,1 +Bot$/);
  });

  it("shows the mode, the selection and line numbers", () => {
    const editor = edit("abc\n", "vl");
    expect(layout(editor, 2, 60, "f", false).rows[0]).toBe("\x1b[7mab\x1b[27mc");
    expect(layout(editor, 2, 60, "f", false).status).toMatch(/^-- VISUAL -- /);
    expect(layout(edit("abc\n", ":set nu\r"), 2, 60, "f", false).rows[0]).toBe("  1 abc");
  });
});
