/** fmt.Sprintf() for the values of templates. Left out: `%p`, `%U`, argument indexes. */

import { type GoValue, GoFloat, printPlain, typeName } from "./value.ts";

export function formatGo(format: string, args: readonly (GoValue | undefined)[]): string {
  let used = 0;
  const text = format.replace(
    /%([-+# 0]*)(\d+|\*)?(?:\.(\d+|\*)?)?(.)?/gsu,
    (spec, flags: string, width, precision, verb: string | undefined) => {
      if (verb === "%") return "%";
      if (verb === undefined) return "%!(NOVERB)";
      const star = (part: string | undefined): number | undefined => {
        if (part !== "*") return part === undefined ? undefined : Number(part);
        const value = args[used++];
        return typeof value === "number" ? value : undefined;
      };
      const room = star(width);
      const places = /\./.test(spec.slice(0, -1)) ? (star(precision) ?? 0) : undefined;
      if (used >= args.length) return `%!${verb}(MISSING)`;
      const value = args[used++] ?? null;
      return pad(formatVerb(verb, value, flags, places), room, flags, typeof value === "number" || value instanceof GoFloat);
    },
  );
  if (used >= args.length) return text;
  const extra = args
    .slice(used)
    .map((value) => (value === null || value === undefined ? "<nil>" : `${typeName(value)}=${printPlain(value)}`));
  return `${text}%!(EXTRA ${extra.join(", ")})`;
}

function pad(text: string, width: number | undefined, flags: string, numeric: boolean): string {
  const room = (width ?? 0) - [...text].length;
  if (room <= 0) return text;
  if (flags.includes("-")) return text + " ".repeat(room);
  if (!flags.includes("0") || !numeric) return " ".repeat(room) + text;
  const sign = /^[+-]/.test(text) ? text.slice(0, 1) : "";
  return sign + "0".repeat(room) + text.slice(sign.length);
}

function formatVerb(verb: string, value: GoValue, flags: string, places: number | undefined): string {
  const number = value instanceof GoFloat ? value.value : typeof value === "number" ? value : undefined;
  const isFloat = value instanceof GoFloat || (number !== undefined && !Number.isInteger(number));
  const signed = (text: string): string =>
    flags.includes("+") && !text.startsWith("-") ? `+${text}` : flags.includes(" ") && !text.startsWith("-") ? ` ${text}` : text;
  switch (verb) {
    case "v":
      return number !== undefined && flags.includes("+") ? signed(printPlain(value)) : printPlain(value);
    case "T":
      return value === null ? "<nil>" : typeName(value);
    case "s":
      if (typeof value === "string" || Array.isArray(value)) return cut(printPlain(value), places);
      break;
    case "q":
      if (typeof value === "string") return flags.includes("#") && !value.includes("`") ? `\`${value}\`` : JSON.stringify(value);
      if (Array.isArray(value)) return `[${value.map((item: GoValue) => formatVerb("q", item, flags, places)).join(" ")}]`;
      break;
    case "t":
      if (typeof value === "boolean") return String(value);
      break;
    case "d":
      if (number !== undefined && !isFloat) return signed(String(number));
      break;
    case "x":
    case "X":
      return hex(value, verb, flags);
    case "o":
    case "b":
      if (number !== undefined && !isFloat) return signed(number.toString(verb === "o" ? 8 : 2));
      break;
    case "c":
      if (number !== undefined && !isFloat) return String.fromCodePoint(number);
      break;
    case "f":
    case "F":
      if (number !== undefined && isFloat) return signed(number.toFixed(places ?? 6));
      break;
    case "e":
      if (number !== undefined && isFloat) return signed(number.toExponential(places ?? 6).replace(/e([+-])(\d)$/, "e$10$2"));
      break;
    case "g":
      if (number !== undefined && isFloat)
        return signed(places === undefined ? printPlain(value) : String(Number(number.toPrecision(places))));
      break;
  }
  return value === null ? `%!${verb}(<nil>)` : `%!${verb}(${typeName(value)}=${printPlain(value)})`;
}

const cut = (text: string, places: number | undefined): string => (places === undefined ? text : [...text].slice(0, places).join(""));

function hex(value: GoValue, verb: "x" | "X", flags: string): string {
  let text: string;
  if (typeof value === "string") text = [...new TextEncoder().encode(value)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  else if (typeof value === "number" && Number.isInteger(value)) text = value.toString(16);
  else return `%!${verb}(${typeName(value)}=${printPlain(value)})`;
  if (flags.includes("#")) text = `0x${text}`;
  return verb === "X" ? text.toUpperCase() : text;
}
