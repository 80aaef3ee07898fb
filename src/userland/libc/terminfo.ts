/**
 * Terminal descriptions: terminfo(5) in the notation of infocmp(1), and tparm(3) for strings with parameters.
 * Differs from Linux: compiled in rather than read from /lib/terminfo; the common terminals and capabilities only.
 */

type Capability = string | number | true;
type Entry = Readonly<Record<string, Capability>>;

const xterm256: Entry = {
  am: true,
  bce: true,
  ccc: true,
  km: true,
  mir: true,
  msgr: true,
  xenl: true,
  colors: 256,
  cols: 80,
  it: 8,
  lines: 24,
  pairs: 65536,
  acsc: "``aaffggiijjkkllmmnnooppqqrrssttuuvvwwxxyyzz{{||}}~~",
  bel: "^G",
  blink: "\\E[5m",
  bold: "\\E[1m",
  cbt: "\\E[Z",
  civis: "\\E[?25l",
  clear: "\\E[H\\E[2J",
  cnorm: "\\E[?12l\\E[?25h",
  cr: "\\r",
  csr: "\\E[%i%p1%d;%p2%dr",
  cub: "\\E[%p1%dD",
  cub1: "^H",
  cud: "\\E[%p1%dB",
  cud1: "\\n",
  cuf: "\\E[%p1%dC",
  cuf1: "\\E[C",
  cup: "\\E[%i%p1%d;%p2%dH",
  cuu: "\\E[%p1%dA",
  cuu1: "\\E[A",
  cvvis: "\\E[?12;25h",
  dch: "\\E[%p1%dP",
  dch1: "\\E[P",
  dim: "\\E[2m",
  dl: "\\E[%p1%dM",
  dl1: "\\E[M",
  ech: "\\E[%p1%dX",
  ed: "\\E[J",
  el: "\\E[K",
  el1: "\\E[1K",
  flash: "\\E[?5h$<100/>\\E[?5l",
  home: "\\E[H",
  hpa: "\\E[%i%p1%dG",
  ht: "^I",
  hts: "\\EH",
  ich: "\\E[%p1%d@",
  il: "\\E[%p1%dL",
  il1: "\\E[L",
  ind: "\\n",
  indn: "\\E[%p1%dS",
  initc: "\\E]4;%p1%d;rgb:%p2%{255}%*%{1000}%/%2.2X/%p3%{255}%*%{1000}%/%2.2X/%p4%{255}%*%{1000}%/%2.2X\\E\\\\",
  invis: "\\E[8m",
  is2: "\\E[!p\\E[?3;4l\\E[4l\\E>",
  kbs: "^?",
  kcub1: "\\EOD",
  kcud1: "\\EOB",
  kcuf1: "\\EOC",
  kcuu1: "\\EOA",
  kdch1: "\\E[3~",
  kend: "\\EOF",
  kf1: "\\EOP",
  kf10: "\\E[21~",
  kf11: "\\E[23~",
  kf12: "\\E[24~",
  kf2: "\\EOQ",
  kf3: "\\EOR",
  kf4: "\\EOS",
  kf5: "\\E[15~",
  kf6: "\\E[17~",
  kf7: "\\E[18~",
  kf8: "\\E[19~",
  kf9: "\\E[20~",
  khome: "\\EOH",
  kich1: "\\E[2~",
  kmous: "\\E[<",
  knp: "\\E[6~",
  kpp: "\\E[5~",
  nel: "\\EE",
  oc: "\\E]104\\007",
  op: "\\E[39;49m",
  rc: "\\E8",
  rep: "%p1%c\\E[%p2%{1}%-%db",
  rev: "\\E[7m",
  ri: "\\EM",
  rin: "\\E[%p1%dT",
  ritm: "\\E[23m",
  rmacs: "\\E(B",
  rmam: "\\E[?7l",
  rmcup: "\\E[?1049l\\E[23;0;0t",
  rmir: "\\E[4l",
  rmkx: "\\E[?1l\\E>",
  rmso: "\\E[27m",
  rmul: "\\E[24m",
  rs1: "\\Ec\\E]104\\007",
  E3: "\\E[3J",
  mgc: "\\E[?69l",
  rs2: "\\E[!p\\E[?3;4l\\E[4l\\E>",
  sc: "\\E7",
  setab: "\\E[%?%p1%{8}%<%t4%p1%d%e%p1%{16}%<%t10%p1%{8}%-%d%e48;5;%p1%d%;m",
  setaf: "\\E[%?%p1%{8}%<%t3%p1%d%e%p1%{16}%<%t9%p1%{8}%-%d%e38;5;%p1%d%;m",
  sgr: "%?%p9%t\\E(0%e\\E(B%;\\E[0%?%p6%t;1%;%?%p5%t;2%;%?%p2%t;4%;%?%p1%p3%|%t;7%;%?%p4%t;5%;%?%p7%t;8%;m",
  sgr0: "\\E(B\\E[m",
  sitm: "\\E[3m",
  smacs: "\\E(0",
  smam: "\\E[?7h",
  smcup: "\\E[?1049h\\E[22;0;0t",
  smir: "\\E[4h",
  smkx: "\\E[?1h\\E=",
  smso: "\\E[7m",
  smul: "\\E[4m",
  tbc: "\\E[3g",
  vpa: "\\E[%i%p1%dd",
};

/** Of each other terminal: what it has not, and what it has otherwise, compared with xterm-256color. */
const others: Readonly<Record<string, { readonly without: string; readonly has: Entry }>> = {
  xterm: {
    without: "ccc initc oc",
    has: {
      colors: 8,
      pairs: 64,
      rs1: "\\Ec",
      setab: "\\E[4%p1%dm",
      setaf: "\\E[3%p1%dm",
      setb: "\\E[4%?%p1%{1}%=%t4%e%p1%{3}%=%t6%e%p1%{4}%=%t1%e%p1%{6}%=%t3%e%p1%d%;m",
      setf: "\\E[3%?%p1%{1}%=%t4%e%p1%{3}%=%t6%e%p1%{4}%=%t1%e%p1%{6}%=%t3%e%p1%d%;m",
    },
  },
  linux: {
    without: "mgc km cols lines cbt indn invis is2 rep rin ritm rmcup rmkx rs2 sitm smcup smkx",
    has: {
      colors: 8,
      pairs: 64,
      acsc: "++\\,\\,--..00``aaffgghhiijjkkllmmnnooppqqrrssttuuvvwwxxyyzz{{||}}~~",
      civis: "\\E[?25l\\E[?1c",
      clear: "\\E[H\\E[J",
      cnorm: "\\E[?25h\\E[?0c",
      cvvis: "\\E[?25h\\E[?8c",
      enacs: "\\E)0",
      flash: "\\E[?5h$<200/>\\E[?5l",
      initc: "\\E]P%p1%x%p2%{255}%*%{1000}%/%02x%p3%{255}%*%{1000}%/%02x%p4%{255}%*%{1000}%/%02x",
      kcub1: "\\E[D",
      kcud1: "\\E[B",
      kcuf1: "\\E[C",
      kcuu1: "\\E[A",
      kend: "\\E[4~",
      kf1: "\\E[[A",
      kf2: "\\E[[B",
      kf3: "\\E[[C",
      kf4: "\\E[[D",
      kf5: "\\E[[E",
      khome: "\\E[1~",
      kmous: "\\E[M",
      nel: "\\r\\n",
      oc: "\\E]R",
      rmacs: "^O",
      rs1: "\\Ec\\E]R",
      setab: "\\E[4%p1%dm",
      setaf: "\\E[3%p1%dm",
      sgr: "\\E[0;10%?%p1%t;7%;%?%p2%t;4%;%?%p3%t;7%;%?%p4%t;5%;%?%p5%t;2%;%?%p6%t;1%;m%?%p9%t\\016%e\\017%;",
      sgr0: "\\E[m\\017",
      smacs: "^N",
    },
  },
  screen: {
    without: "mgc E3 bce ccc ech initc invis oc rep ritm rmam rs1 sitm smam",
    has: {
      colors: 8,
      pairs: 64,
      acsc: "++\\,\\,--..00``aaffgghhiijjkkllmmnnooppqqrrssttuuvvwwxxyyzz{{||}}~~",
      clear: "\\E[H\\E[J",
      cnorm: "\\E[34h\\E[?25h",
      cuu1: "\\EM",
      cvvis: "\\E[34l",
      enacs: "\\E(B\\E)0",
      flash: "\\Eg",
      is2: "\\E)0",
      kend: "\\E[4~",
      khome: "\\E[1~",
      kmous: "\\E[M",
      rmacs: "^O",
      rmcup: "\\E[?1049l",
      rmso: "\\E[23m",
      rs2: "\\Ec\\E[?1000l\\E[?25h",
      setab: "\\E[4%p1%dm",
      setaf: "\\E[3%p1%dm",
      sgr: "\\E[0%?%p6%t;1%;%?%p1%t;3%;%?%p2%t;4%;%?%p3%t;7%;%?%p4%t;5%;%?%p5%t;2%;m%?%p9%t\\016%e\\017%;",
      sgr0: "\\E[m\\017",
      smacs: "^N",
      smcup: "\\E[?1049h",
      smso: "\\E[3m",
    },
  },
  "screen-256color": {
    without: "mgc E3 bce ccc ech initc invis oc rep ritm rmam rs1 sitm smam",
    has: {
      acsc: "++\\,\\,--..00``aaffgghhiijjkkllmmnnooppqqrrssttuuvvwwxxyyzz{{||}}~~",
      clear: "\\E[H\\E[J",
      cnorm: "\\E[34h\\E[?25h",
      cuu1: "\\EM",
      cvvis: "\\E[34l",
      enacs: "\\E(B\\E)0",
      flash: "\\Eg",
      is2: "\\E)0",
      kend: "\\E[4~",
      khome: "\\E[1~",
      kmous: "\\E[M",
      rmacs: "^O",
      rmcup: "\\E[?1049l",
      rmso: "\\E[23m",
      rs2: "\\Ec\\E[?1000l\\E[?25h",
      sgr: "\\E[0%?%p6%t;1%;%?%p1%t;3%;%?%p2%t;4%;%?%p3%t;7%;%?%p4%t;5%;%?%p5%t;2%;m%?%p9%t\\016%e\\017%;",
      sgr0: "\\E[m\\017",
      smacs: "^N",
      smcup: "\\E[?1049h",
      smso: "\\E[3m",
    },
  },
  tmux: {
    without: "mgc bce ccc ech initc oc rep rmam rs1 smam",
    has: {
      hs: true,
      colors: 8,
      pairs: 64,
      acsc: "++\\,\\,--..00``aaffgghhiijjkkllmmnnooppqqrrssttuuvvwwxxyyzz{{||}}~~",
      clear: "\\E[H\\E[J",
      cnorm: "\\E[34h\\E[?25h",
      cuu1: "\\EM",
      cvvis: "\\E[34l",
      dsl: "\\E]0;\\007",
      enacs: "\\E(B\\E)0",
      flash: "\\Eg",
      fsl: "^G",
      is2: "\\E)0",
      kend: "\\E[4~",
      khome: "\\E[1~",
      kmous: "\\E[M",
      rmacs: "^O",
      rmcup: "\\E[?1049l",
      rs2: "\\Ec\\E[?1000l\\E[?25h",
      setab: "\\E[4%p1%dm",
      setaf: "\\E[3%p1%dm",
      sgr: "\\E[0%?%p6%t;1%;%?%p2%t;4%;%?%p1%p3%|%t;7%;%?%p4%t;5%;%?%p5%t;2%;%?%p7%t;8%;m%?%p9%t\\016%e\\017%;",
      sgr0: "\\E[m\\017",
      smacs: "^N",
      smcup: "\\E[?1049h",
      tsl: "\\E]0;",
    },
  },
  "tmux-256color": {
    without: "mgc bce ccc ech initc oc rep rmam rs1 smam",
    has: {
      hs: true,
      acsc: "++\\,\\,--..00``aaffgghhiijjkkllmmnnooppqqrrssttuuvvwwxxyyzz{{||}}~~",
      clear: "\\E[H\\E[J",
      cnorm: "\\E[34h\\E[?25h",
      cuu1: "\\EM",
      cvvis: "\\E[34l",
      dsl: "\\E]0;\\007",
      enacs: "\\E(B\\E)0",
      flash: "\\Eg",
      fsl: "^G",
      is2: "\\E)0",
      kend: "\\E[4~",
      khome: "\\E[1~",
      kmous: "\\E[M",
      rmacs: "^O",
      rmcup: "\\E[?1049l",
      rs2: "\\Ec\\E[?1000l\\E[?25h",
      sgr: "\\E[0%?%p6%t;1%;%?%p2%t;4%;%?%p1%p3%|%t;7%;%?%p4%t;5%;%?%p5%t;2%;%?%p7%t;8%;m%?%p9%t\\016%e\\017%;",
      sgr0: "\\E[m\\017",
      smacs: "^N",
      smcup: "\\E[?1049h",
      tsl: "\\E]0;",
    },
  },
  vt100: {
    without:
      "mgc E3 bce ccc km mir colors pairs cbt civis cnorm cvvis dch dch1 dim dl dl1 ech flash hpa ich il il1 indn initc invis is2 kdch1 kend kf11 kf12 khome kich1 kmous knp kpp nel oc op rep rin ritm rmcup rmir rs1 setab setaf sitm smcup smir vpa",
    has: {
      acsc: "``aaffggjjkkllmmnnooppqqrrssttuuvvwwxxyyzz{{||}}~~",
      blink: "\\E[5m$<2>",
      bold: "\\E[1m$<2>",
      clear: "\\E[H\\E[J$<50>",
      cuf1: "\\E[C$<2>",
      cup: "\\E[%i%p1%d;%p2%dH$<5>",
      cuu1: "\\E[A$<2>",
      ed: "\\E[J$<50>",
      el: "\\E[K$<3>",
      el1: "\\E[1K$<3>",
      enacs: "\\E(B\\E)0",
      kbs: "^H",
      kf10: "\\EOx",
      kf5: "\\EOt",
      kf6: "\\EOu",
      kf7: "\\EOv",
      kf8: "\\EOl",
      kf9: "\\EOw",
      rev: "\\E[7m$<2>",
      ri: "\\EM$<5>",
      rmacs: "^O",
      rmso: "\\E[m$<2>",
      rmul: "\\E[m$<2>",
      rs2: "\\E<\\E>\\E[?3;4;5l\\E[?7;8h\\E[r",
      sgr: "\\E[0%?%p1%p6%|%t;1%;%?%p2%t;4%;%?%p1%p3%|%t;7%;%?%p4%t;5%;m%?%p9%t\\016%e\\017%;$<2>",
      sgr0: "\\E[m\\017$<2>",
      smacs: "^N",
      smso: "\\E[7m$<2>",
      smul: "\\E[4m$<2>",
    },
  },
  vt220: {
    without:
      "mgc E3 bce ccc km colors pairs cbt cvvis dim hpa indn initc invis kend kf5 khome kmous oc op rep rin ritm rmcup rmkx rs2 setab setaf sitm smcup smkx vpa",
    has: {
      acsc: "``aaffggjjkkllmmnnooppqqrrssttuuvvwwxxyyzz{{||}}~~",
      clear: "\\E[H\\E[J",
      cnorm: "\\E[?25h",
      enacs: "\\E)0",
      flash: "\\E[?5h$<200/>\\E[?5l",
      ind: "\\ED",
      is2: "\\E[?7h\\E[>\\E[?1l\\E F\\E[?4l",
      kbs: "^H",
      kcub1: "\\E[D",
      kcud1: "\\E[B",
      kcuf1: "\\E[C",
      kcuu1: "\\E[A",
      rmacs: "\\E(B$<4>",
      rs1: "\\E[?3l",
      sgr: "\\E[0%?%p6%t;1%;%?%p2%t;4%;%?%p4%t;5%;%?%p1%p3%|%t;7%;m%?%p9%t\\E(0%e\\E(B%;$<2>",
      sgr0: "\\E[m\\E(B",
      smacs: "\\E(0$<2>",
    },
  },
  ansi: {
    without:
      "mgc E3 bce ccc km xenl civis cnorm csr cvvis dim flash initc is2 kdch1 kend kf1 kf10 kf11 kf12 kf2 kf3 kf4 kf5 kf6 kf7 kf8 kf9 kmous knp kpp oc rc ri ritm rmam rmcup rmir rmkx rs1 rs2 sc sitm smam smcup smir smkx",
    has: {
      colors: 8,
      pairs: 64,
      acsc: "+\\020\\,\\021-\\030.^Y0\\333`\\004a\\261f\\370g\\361h\\260j\\331k\\277l\\332m\\300n\\305o~p\\304q\\304r\\304s_t\\303u\\264v\\301w\\302x\\263y\\363z\\362{\\343|\\330}\\234~\\376",
      clear: "\\E[H\\E[J",
      cub1: "\\E[D",
      cud1: "\\E[B",
      ht: "\\E[I",
      kbs: "^H",
      kcub1: "\\E[D",
      kcud1: "\\E[B",
      kcuf1: "\\E[C",
      kcuu1: "\\E[A",
      khome: "\\E[H",
      kich1: "\\E[L",
      nel: "\\r\\E[S",
      rmacs: "\\E[10m",
      rmso: "\\E[m",
      rmul: "\\E[m",
      setab: "\\E[4%p1%dm",
      setaf: "\\E[3%p1%dm",
      sgr: "\\E[0;10%?%p1%t;7%;%?%p2%t;4%;%?%p3%t;7%;%?%p4%t;5%;%?%p6%t;1%;%?%p7%t;8%;%?%p9%t;11%;m",
      sgr0: "\\E[0;10m",
      smacs: "\\E[11m",
    },
  },
  dumb: {
    without:
      "mgc E3 bce ccc km mir msgr xenl colors it lines pairs acsc blink bold cbt civis clear cnorm csr cub cub1 cud cuf cuf1 cup cuu cuu1 cvvis dch dch1 dim dl dl1 ech ed el el1 flash home hpa ht hts ich il il1 indn initc invis is2 kbs kcub1 kcud1 kcuf1 kcuu1 kdch1 kend kf1 kf10 kf11 kf12 kf2 kf3 kf4 kf5 kf6 kf7 kf8 kf9 khome kich1 kmous knp kpp nel oc op rc rep rev ri rin ritm rmacs rmam rmcup rmir rmkx rmso rmul rs1 rs2 sc setab setaf sgr sgr0 sitm smacs smam smcup smir smkx smso smul tbc vpa",
    has: {},
  },
};

/** What the terminal named `term` can; undefined where it is unknown. */
export function findTerminal(term: string): Entry | undefined {
  if (term === "xterm-256color") return xterm256;
  const other = others[term];
  if (other === undefined) return undefined;
  const absent = new Set(other.without.split(" "));
  return { ...Object.fromEntries(Object.entries(xterm256).filter(([name]) => !absent.has(name))), ...other.has };
}

/** Whether `name` is a capability that some terminal here has. */
export function isCapability(name: string): boolean {
  return name in xterm256 || Object.values(others).some((other) => name in other.has);
}

/** The characters of infocmp's notation: `\\E`, `^H`, `\\s`, `\\,`, octal. */
export function unescapeCapability(text: string): string {
  return text.replace(
    /\\([0-7]{3})|\\(.)|\^(.)/g,
    (_, octal: string | undefined, letter: string | undefined, control: string | undefined) => {
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0x7f);
      if (control !== undefined) return control === "?" ? "\x7f" : String.fromCharCode(control.charCodeAt(0) & 31);
      const named = { E: "\x1b", e: "\x1b", n: "\n", r: "\r", t: "\t", b: "\b", f: "\f", s: " ", l: "\n", "0": "\0" }[letter ?? ""];
      return named ?? letter ?? "";
    },
  );
}

/** The string capability `text` with its parameters put in: tparm(3). Padding (`$<5>`) is left out of it. */
export function tparm(text: string, params: readonly (number | string)[]): string {
  const source = unescapeCapability(text).replace(/\$<[0-9.]+[*/]*>/g, "");
  const stack: (number | string)[] = [];
  const values = [...params];
  const variables = new Map<string, number | string>();
  const popNumber = (): number => Number(stack.pop() ?? 0);
  let out = "";
  let i = 0;
  /** Past the matching %e or %; of a condition that does not hold. */
  const skip = (toElse: boolean): void => {
    for (let depth = 0; i < source.length; i++) {
      if (source[i] !== "%") continue;
      const op = source[++i];
      if (op === "?") depth++;
      else if (op === ";" && depth-- === 0) break;
      else if (op === "e" && depth === 0 && toElse) break;
    }
    i++;
  };
  while (i < source.length) {
    const ch = source[i++] as string;
    if (ch !== "%") {
      out += ch;
      continue;
    }
    const rest = source.slice(i);
    const format = /^:?([-+# ]*[0-9]*(?:\.[0-9]+)?)([doxXs])/.exec(rest);
    const number = /^\{(-?[0-9]+)\}/.exec(rest);
    if (format !== null) {
      i += format[0].length;
      const value = stack.pop() ?? 0;
      const shown = { o: 8, x: 16, X: 16 }[format[2] ?? ""] ?? 10;
      const digits = typeof value === "number" ? value.toString(shown) : value;
      out += digits.padStart(Number(/[1-9][0-9]*/.exec(format[1] ?? "")?.[0] ?? 0), /^0|\./.test(format[1] ?? "") ? "0" : " ");
      continue;
    }
    if (number !== null) {
      i += number[0].length;
      stack.push(Number(number[1]));
      continue;
    }
    const op = source[i++] ?? "%";
    switch (op) {
      case "%":
        out += "%";
        break;
      case "c":
        out += String.fromCharCode(popNumber());
        break;
      case "p":
        stack.push(values[Number(source[i++]) - 1] ?? 0);
        break;
      case "P":
        variables.set(source[i++] ?? "", stack.pop() ?? 0);
        break;
      case "g":
        stack.push(variables.get(source[i++] ?? "") ?? 0);
        break;
      case "'":
        stack.push(source.charCodeAt(i));
        i += 2;
        break;
      case "l":
        stack.push(`${stack.pop() ?? ""}`.length);
        break;
      case "i":
        for (const k of [0, 1]) if (typeof values[k] === "number") values[k] = Number(values[k]) + 1;
        break;
      case "!":
        stack.push(popNumber() === 0 ? 1 : 0);
        break;
      case "~":
        stack.push(~popNumber());
        break;
      case "?":
      case ";":
        break;
      case "t":
        if (popNumber() === 0) skip(true);
        break;
      case "e":
        skip(false);
        break;
      default: {
        const b = popNumber();
        const a = popNumber();
        stack.push(binary(op, a, b));
      }
    }
  }
  return out;
}

function binary(op: string, a: number, b: number): number {
  switch (op) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return b === 0 ? 0 : Math.trunc(a / b);
    case "m":
      return b === 0 ? 0 : a % b;
    case "&":
      return a & b;
    case "|":
      return a | b;
    case "^":
      return a ^ b;
    case "=":
      return a === b ? 1 : 0;
    case "<":
      return a < b ? 1 : 0;
    case ">":
      return a > b ? 1 : 0;
    case "A":
      return a !== 0 && b !== 0 ? 1 : 0;
    case "O":
      return a !== 0 || b !== 0 ? 1 : 0;
    default:
      return 0;
  }
}
