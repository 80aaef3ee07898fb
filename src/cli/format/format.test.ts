import { expect, test } from "vitest";
import { displayPorts } from "./ports.ts";
import { columnsOf, ellipsis, field, type Fields, formatList } from "./table.ts";
import { alignColumns } from "./tabwriter.ts";
import { naturalLess } from "./natural.ts";
import { bytesSize, humanDuration, humanSize, ramInBytes } from "./units.ts";

test.each([
  [0, "0B"],
  [999, "999B"],
  [1000, "1kB"],
  [1_984_381, "1.984MB"],
  [24_000_000_000, "24GB"],
])("%d bytes are %s", (size, text) => {
  expect(humanSize(size)).toBe(text);
});

test("three digits, and powers of 1024", () => {
  expect([humanSize(1_984_381, 3), humanSize(999_999, 3), bytesSize(956 * 1024), bytesSize(2 ** 31)]).toEqual([
    "1.98MB",
    "1e+03kB",
    "956KiB",
    "2GiB",
  ]);
});

test.each([
  ["64m", 67_108_864],
  ["1.5GiB", 1_610_612_736],
  ["10 kb", 10_240],
  ["5B", 5],
])("%s is %d bytes", (text, size) => {
  expect(ramInBytes(text)).toBe(size);
});

test.each([
  [0.5, "Less than a second"],
  [1, "1 second"],
  [59, "59 seconds"],
  [90, "About a minute"],
  [3599, "59 minutes"],
  [3600, "About an hour"],
  [47 * 3600, "47 hours"],
  [48 * 3600, "2 days"],
  [15 * 86_400, "2 weeks"],
  [70 * 86_400, "2 months"],
  [800 * 86_400, "2 years"],
])("%d seconds are %s", (seconds, text) => {
  expect(humanDuration(seconds)).toBe(text);
});

test("columns are ten wide at least, three apart, wide characters count twice", () => {
  expect(alignColumns("A\tB\tC\nlonger than ten\t日本語日本語\tx\n")).toBe(
    "A                 B              C\nlonger than ten   日本語日本語   x\n",
  );
});

const rows = [
  { name: "one", labels: { a: "<b>" } },
  { name: "two", labels: {} as Record<string, string> },
];
const fields: Fields<(typeof rows)[number]> = {
  typeName: "*formatter.thing",
  fields: { Name: field("NAME", (row) => row.name), Size: field("SIZE", (row) => String(row.name.length)) },
  labels: (row) => row.labels,
};

test.each([
  ["table", "NAME      SIZE\none       3\ntwo       3\n"],
  ["table {{.Name}}\\t{{upper .Size}}", "NAME      SIZE\none       3\ntwo       3\n"],
  ['table {{.Name}}\\t{{.Label "com.x.a"}}', "NAME      a\none       \ntwo       \n"],
  ["json", '{"Name":"one","Size":"3"}\n{"Name":"two","Size":"3"}\n'],
  ['{{.Name}}={{.Label "a"}}', "one=<b>\ntwo=\n"],
])("--format '%s'", (format, expected) => {
  expect(formatList(fields, rows, format, columnsOf("Name", "Size"))).toBe(expected);
});

test("JSON of a row has no bare angle brackets", () => {
  expect(formatList(fields, [{ name: "<x>", labels: {} }], "json", "")).toBe('{"Name":"\\u003cx\\u003e","Size":"3"}\n');
});

test("a field that is not there is told with the type", () => {
  expect(() => formatList(fields, rows, "{{.Foo}}", "")).toThrow(
    `template parsing error: template: :1:2: executing "" at <.Foo>: can't evaluate field Foo in type *formatter.thing`,
  );
});

test("ports that follow each other are a range, mapped ones come last", () => {
  const port = (PrivatePort: number, PublicPort?: number, IP?: string) => ({
    PrivatePort,
    Type: "tcp",
    ...(PublicPort === undefined ? {} : { PublicPort }),
    ...(IP === undefined ? {} : { IP }),
  });
  expect(displayPorts([port(80, 8080, "0.0.0.0"), port(81), port(82), port(90, 90, "0.0.0.0"), port(90, 90, "::")])).toBe(
    "81-82/tcp, 0.0.0.0:90->90/tcp, [::]:90->90/tcp, 0.0.0.0:8080->80/tcp",
  );
});

test("what is too long ends in dots; numbers in names count", () => {
  expect([ellipsis("abcdef", 4), ellipsis("abc", 4)]).toEqual(["abc…", "abc"]);
  expect(["a10", "a2", "a1"].sort(naturalLess)).toEqual(["a1", "a2", "a10"]);
});
