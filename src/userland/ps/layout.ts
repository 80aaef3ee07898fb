/** Which columns an invocation of ps shows: procps `src/ps/sortformat.c`, generate_sysv_list and the BSD macros. */

import type { Asked, PsOptions } from "./options.ts";

const bsdFormats: Readonly<Record<string, string>> = {
  j: "ppid pid pgid sid tname tpgid stat uid bsdtime args",
  l: "f uid pid ppid priority nice vsz rss wchan stat tname bsdtime args",
  s: "uid pid pending sigmask ignored caught stat tname bsdtime args",
  u: "user pid pcpu pmem vsz rss tname stat start_time bsdtime args",
  v: "pid tname stat bsdtime maj_flt m_trs drs rss pmem args",
  X: "pid start_stack esp eip timeout alarm stat tname bsdtime args",
  "": "pid tname stat bsdtime args",
};

function bsdColumns(o: PsOptions): Asked[] {
  const format = o.bsdFormats[0] ?? "";
  const names = (bsdFormats[format] ?? "").split(" ");
  const list: Asked[] = [];
  for (const name of names) {
    if (o.threads === "L" && name === "pcpu") list.push({ name: "lwp" }, { name }, { name: "nlwp" });
    else if (o.threads === "T" && name === "pcpu") list.push({ name: "spid" }, { name });
    else list.push({ name });
    if (name === "pid" && format !== "u" && (o.threads === "L" || o.threads === "T"))
      list.push({ name: o.threads === "L" ? "lwp" : "spid" });
  }
  return list;
}

function sysvColumns(o: PsOptions): Asked[] {
  const full = o.unix.has("f") || o.unix.has("F");
  const extra = o.unix.has("F");
  const long = o.unix.has("l");
  const c = o.modifiers.has("c");
  const y = o.modifiers.has("y");
  const p = o.modifiers.has("P");
  const names: (string | false)[] = [
    long && !y && "f",
    long && "s",
    full ? "uid_hack" : long && "uid",
    "pid",
    o.threads === "T" && "spid",
    (full || long) && "ppid",
    o.unix.has("j") && "pgid",
    o.unix.has("j") && "sid",
    o.threads === "L" && "lwp",
    p && "psr",
    !c && (full || long) && "c",
    o.threads === "L" && full && "nlwp",
    c && "class",
    c && "pri",
    long && !c && "opri",
    long && !c && "ni",
    ...(long ? (y ? ["rss", "sz"] : ["addr_1", "sz"]) : []),
    long && "wchan",
    extra && !long && "sz",
    extra && !(long && y) && "rss",
    extra && !p && "psr",
    full && "stime",
    "tname",
    o.bsd && "stat",
    o.bsd ? "bsdtime" : "time",
    full ? "cmd" : "ucmd",
  ];
  return names.filter((name) => name !== false).map((name) => ({ name }));
}

/** The columns in order. */
export function chooseColumns(o: PsOptions): Asked[] {
  if (o.preloaded !== undefined) {
    const list: Asked[] = [{ name: "pid" }, ...o.preloaded, { name: "state" }, { name: "tname" }, { name: "time" }];
    return [...list, { name: "command" }, ...o.asked];
  }
  if (o.asked.length > 0) return o.asked;
  const unix = o.unix.size > 0 || (o.modifiers.size > 0 && !o.bsd);
  const list = unix || (!o.bsd && o.bsdFormats.length === 0) ? sysvColumns(o) : bsdColumns(o);
  return o.modifiers.has("M") ? [{ name: "label" }, ...list] : list;
}
