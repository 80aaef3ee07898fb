/** A visitor at the page's terminal: types keys, reads the screen. */
import { expect, type Frame, type Page } from "@playwright/test";

declare global {
  var drydock: { screen(terminal?: number): string };
}

const PROMPT = /[#$] ?$/;

export class Visitor {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** Opens the page and waits for the prompt. */
  static async arrive(page: Page, address = "/?seed=1#view=processes"): Promise<Visitor> {
    const visitor = new Visitor(page);
    await page.goto(address);
    await visitor.seePrompt();
    return visitor;
  }

  screen(terminal?: number, frame: Page | Frame = this.page): Promise<string> {
    return frame.evaluate((number) => globalThis.drydock?.screen(number) ?? "", terminal);
  }

  async seePrompt(terminal?: number): Promise<void> {
    await expect.poll(() => this.screen(terminal)).toMatch(PROMPT);
  }

  /** Waits until the active terminal's text matches. */
  async see(text: RegExp | string, terminal?: number): Promise<void> {
    const poll = expect.poll(() => this.screen(terminal));
    await (typeof text === "string" ? poll.toContain(text) : poll.toMatch(text));
  }

  /** Waits until the browser has kept the session with this input, which it does shortly after the last key. */
  async seeKept(typed: string): Promise<void> {
    await expect.poll(() => this.page.evaluate(readKeptInput)).toContain(typed);
  }

  async press(...keys: string[]): Promise<void> {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  /** Types a line and enters it. */
  async enter(line: string): Promise<void> {
    await this.page.keyboard.type(line);
    await this.page.keyboard.press("Enter");
  }

  /** Enters a line and waits for what it printed, between its echo and the next prompt. */
  async run(line: string): Promise<string> {
    const before = (await this.screen()).length;
    await this.enter(line);
    await expect.poll(async () => (await this.screen()).slice(before)).toMatch(/\n[^\n]*[#$] ?$/);
    const added = (await this.screen()).slice(before);
    return added.slice(added.indexOf("\n") + 1, added.lastIndexOf("\n"));
  }

  /** The page answers: its palette opens and closes by keyboard. */
  async expectResponsive(): Promise<void> {
    await this.press("Control+k");
    await expect(this.page.getByPlaceholder("Find a command")).toBeFocused();
    await this.press("Escape");
    await expect(this.page.getByPlaceholder("Find a command")).toHaveCount(0);
    await this.page.locator(".xterm-helper-textarea").first().focus();
  }
}

/** Runs in the page: all that was typed in the session that is kept. */
async function readKeptInput(): Promise<string> {
  const open = indexedDB.open("drydock");
  const db = await new Promise<IDBDatabase>((done) => {
    open.onsuccess = () => done(open.result);
  });
  const all = db.transaction("sessions").objectStore("sessions").getAll();
  const sessions = await new Promise<{ log: { inputs: { text?: string }[] } }[]>((done) => {
    all.onsuccess = () => done(all.result);
  });
  db.close();
  return sessions[0]?.log.inputs.map((input) => input.text ?? "").join("") ?? "";
}
