import { describe, expect, test } from "vitest";
import { parseBusyboxDate, parseDatetime, parsePosixTime } from "./getdate.ts";
import { gmtime, strftime, timegm } from "./strftime.ts";

const now = { sec: timegm(2024, 4, 6, 7, 8, 9), nsec: 500_000_000 };
const read = (text: string): string | undefined => {
  const at = parseDatetime(text, now);
  return at && strftime("%F %T.%3N", at);
};

describe("strftime", () => {
  test("gmtime is the inverse of timegm over four centuries", () => {
    for (let sec = -6_000_000_000; sec < 8_000_000_000; sec += 86_400 * 97 + 12_345) {
      const tm = gmtime(sec);
      expect(timegm(tm.year, tm.month, tm.day, tm.hour, tm.minute, tm.second)).toBe(sec);
    }
  });

  test("a conversion that does not exist stays as it is", () => {
    expect(strftime("%Q %Y", { sec: 0, nsec: 0 })).toBe("%Q 1970");
  });
});

describe("parseDatetime", () => {
  test.each([
    ["now", "2024-05-06 07:08:09.500"],
    ["today", "2024-05-06 07:08:09.500"],
    ["yesterday", "2024-05-05 07:08:09.500"],
    ["monday", "2024-05-06 00:00:00.000"],
    ["next monday", "2024-05-13 00:00:00.000"],
    ["last friday", "2024-05-03 00:00:00.000"],
    ["3pm", "2024-05-06 15:00:00.000"],
    ["tomorrow 10:00", "2024-05-07 10:00:00.000"],
    ["1 month ago", "2024-04-06 07:08:09.500"],
    ["12:00 +0200", "2024-05-06 10:00:00.000"],
    ["1030", "2024-05-06 10:30:00.000"],
    ["Mon, 06 May 2024 07:08:09 GMT", "2024-05-06 07:08:09.000"],
    ["24:00", undefined],
    ["2024-02-30", undefined],
    ["2024-01-01 10:00 foo", undefined],
  ])("%s", (text, expected) => {
    expect(read(text)).toBe(expected);
  });

  test("touch -t and busybox stamps take the present year where none is given", () => {
    expect(parsePosixTime("01020304", now)).toEqual({ sec: timegm(2024, 0, 2, 3, 4, 0), nsec: 0 });
    expect(parseBusyboxDate("10:11", now)).toEqual({ sec: timegm(2024, 4, 6, 10, 11, 0), nsec: 0 });
    expect(parseBusyboxDate("next week", now)).toBeUndefined();
  });
});
