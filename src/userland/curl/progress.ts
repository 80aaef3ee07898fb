/** The progress meter of curl: `lib/progress.c`, one line that is written over. */

const HEAD = `  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current
                                 Dload  Upload   Total   Spent    Left  Speed
`;

/** Five columns: 12345, 1234k, 12.3M. */
function amount(bytes: number): string {
  const K = 1024;
  if (bytes < 100_000) return String(Math.floor(bytes)).padStart(5);
  if (bytes < 10_000 * K) return `${Math.floor(bytes / K)}k`.padStart(5);
  if (bytes < 100 * K * K) return `${Math.floor(bytes / (K * K))}.${Math.floor((bytes % (K * K)) / ((K * K) / 10))}M`.padStart(5);
  if (bytes < 10_000 * K * K) return `${Math.floor(bytes / (K * K))}M`.padStart(5);
  return `${Math.floor(bytes / (K * K * K))}G`.padStart(5);
}

function time(seconds: number): string {
  if (seconds <= 0) return "--:--:--";
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  return `${String(h).padStart(2)}:${String(m).padStart(2, "0")}:${String(s).padStart(2, "0")}`;
}

export class Progress {
  private shownMs = Number.NEGATIVE_INFINITY;
  private started = false;

  constructor(private readonly startMs: number) {}

  /** The text to show now; empty where there is nothing new to say. */
  show(nowMs: number, got: number, expected: number | undefined, sent: number, toSend: number, final = false): string {
    if (!final && nowMs - this.shownMs < 1000) return "";
    const head = this.started ? "" : HEAD;
    this.started = true;
    this.shownMs = nowMs;
    const spent = Math.max((nowMs - this.startMs) / 1000, 1e-6);
    const speed = got / spent;
    const upSpeed = sent / spent;
    const total = (expected ?? got) + toSend;
    const done = got + sent;
    const percent = (part: number, whole: number): string => (whole > 0 ? Math.floor((part * 100) / whole) : 0).toString().padStart(3);
    const left = expected === undefined || speed === 0 ? 0 : (expected - got) / speed;
    const whole = spent >= 1 && expected !== undefined && speed > 0 ? expected / speed : 0;
    return (
      `${head}\r${percent(done, total)} ${amount(total)}  ${percent(got, expected ?? got)} ${amount(got)}  ${percent(sent, toSend)} ${amount(sent)} ` +
      ` ${amount(speed)}  ${amount(upSpeed)} ${time(whole)} ${time(spent >= 1 ? spent : 0)} ${time(left >= 1 ? left : 0)} ${amount(spent < 1 ? Math.min(speed, got / Math.max(spent, 0.001)) : speed)}`
    );
  }
}
