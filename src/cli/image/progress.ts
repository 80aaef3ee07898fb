/**
 * The progress that the daemon tells of line by line: bars on a terminal, lines elsewhere. Real counterpart: moby `pkg/jsonmessage`.
 */

import type { Proc } from "../../abi/sys.ts";
import { CLOCK_REALTIME } from "../../abi/time.ts";
import type { JsonMessage } from "../../engine/api/image.ts";
import { normalizedName, parseNormalizedNamed, type Reference } from "../../image/reference.ts";
import type { ByteSource } from "../../userland/libc/stream.ts";
import type { Cli } from "../cli.ts";
import { jsonStream, NO_AUTH } from "../client.ts";
import { CliError } from "../errors.ts";
import { humanSize } from "../format/units.ts";
import { formatDuration } from "../strconv.ts";

type Detail = NonNullable<JsonMessage["progressDetail"]>;

/** Where nothing is known of the terminal. */
const WIDE = 200;
const CLEAR_LINE = "\x1b[2K";
const up = (n: number): string => `\x1b[${n}A`;
const down = (n: number): string => `\x1b[${n}B`;

function progressText({ current = 0, total = 0, start = 0, hidecounts, units }: Detail, width: number, nowSec: number): string {
  if (current <= 0 && total <= 0) return "";
  const amount = (n: number): string => (units === undefined || units === "" ? humanSize(n) : String(n));
  if (total <= 0) return units === undefined || units === "" ? amount(current).padStart(8) : `${amount(current)} ${units}`;
  const half = Math.min(50, Math.trunc(Math.trunc((current / total) * 100) / 2));
  const bar = width > 110 ? `[${"=".repeat(half)}>${" ".repeat(50 - half)}] ` : "";
  const whole = current > total ? amount(current).padStart(8) : `${amount(current).padStart(8)}/${amount(total)}`;
  const counts = hidecounts === true ? "" : units === undefined || units === "" ? whole : `${whole} ${units}`;
  const left = ((nowSec - start) / current) * (total - current);
  const rest = current > 0 && start > 0 && half < 50 && width > 50 ? ` ${formatDuration(Math.round(left) * 1e9)}` : "";
  return bar + counts + rest;
}

export interface ProgressOptions {
  readonly to: "stdout" | "stderr";
  /** Nothing is shown; errors are still told. */
  readonly quiet?: boolean;
  /** Takes what would be printed. */
  readonly instead?: (text: string) => Proc<void>;
  /** Takes the values that come beside the progress. */
  readonly aux?: (value: unknown) => Proc<void>;
}

class Display {
  /** Lines of the terminal by id, from the top. */
  private lines = new Map<string, number>();

  constructor(
    private readonly cli: Cli,
    private readonly print: (text: string) => Proc<void>,
    private readonly terminal: boolean,
    private readonly width: number,
  ) {}

  *show(message: JsonMessage): Proc<void> {
    const { id = "", progressDetail, progress = "" } = message;
    const moving = id !== "" && (progressDetail !== undefined || progress !== "");
    let back = 0;
    let text = "";
    if (moving) {
      let line = this.lines.get(id);
      if (line === undefined) {
        line = this.lines.size;
        this.lines.set(id, line);
        if (this.terminal) text += "\n";
      }
      back = this.lines.size - line;
      if (this.terminal) text += up(back);
    } else this.lines = new Map();
    const body = yield* this.body(message);
    if (body === undefined) return;
    text += body;
    if (id !== "" && this.terminal && back > 0) text += down(back);
    yield* this.print(text);
  }

  private *body({ id = "", status = "", stream = "", progressDetail, progress = "" }: JsonMessage): Proc<string | undefined> {
    const { sec } = yield* this.cli.sys.clock_gettime(CLOCK_REALTIME);
    const bar = progressDetail === undefined ? "" : progressText(progressDetail, this.width, sec);
    let end = "";
    let text = "";
    if (this.terminal && stream === "" && progressDetail !== undefined) {
      end = "\r";
      text += `${CLEAR_LINE}\r`;
    } else if (bar !== "") return undefined;
    if (id !== "") text += `${id}: `;
    if (progressDetail !== undefined && this.terminal) return `${text}${status} ${bar}${end}`;
    if (progress !== "") return `${text}${status} ${progress}${end}`;
    return stream === "" ? `${text}${status}${end}\n` : `${text}${stream}${end}`;
  }
}

/** Shows a stream of messages up to its end. Blocks. Errors: CliError with what the daemon complains of. */
export function* showProgress(cli: Cli, body: ByteSource, { to, quiet = false, instead, aux }: ProgressOptions): Proc<void> {
  const terminal = instead === undefined && (yield* cli.isTerminal(to === "stdout" ? 1 : 2));
  const width = terminal ? ((yield* cli.columns(1)) ?? WIDE) : WIDE;
  const output = cli[to];
  const display = new Display(cli, instead ?? ((text) => output.print(text)), terminal, width === 0 ? WIDE : width);
  yield* jsonStream<JsonMessage>(body, function* (message) {
    if (message.errorDetail !== undefined || message.error !== undefined) {
      const { code, message: why = message.error ?? "" } = message.errorDetail ?? {};
      throw code === 401
        ? new CliError("authentication is required")
        : new CliError(why, code !== undefined && code > 0 && code < 256 ? code : 1);
    }
    if (message.aux !== undefined) {
      if (aux !== undefined) yield* aux(message.aux);
      return;
    }
    if (!quiet) yield* display.show(message);
  });
}

export interface PullOptions extends ProgressOptions {
  readonly platform: string;
  readonly allTags?: boolean;
}

/** Has the daemon pull an image. Blocks. Errors: CliError. */
export function* pullImage(cli: Cli, name: string, options: PullOptions): Proc<void> {
  let reference: Reference;
  try {
    reference = parseNormalizedNamed(name, "client");
  } catch (e) {
    throw new CliError((e as Error).message);
  }
  const client = yield* cli.client();
  const { body } = yield* client.request("POST", "/images/create", {
    query: {
      fromImage: normalizedName(reference),
      tag: options.allTags === true ? undefined : (reference.digest ?? reference.tag ?? "latest"),
      platform: options.platform.toLowerCase(),
    },
    headers: { "X-Registry-Auth": NO_AUTH },
  });
  yield* showProgress(cli, body, options);
}
