import { expect, test } from "vitest";
import type { Mount } from "../api/container.ts";
import { EngineError } from "../errors.ts";
import { cleanPath, mergeTmpfsOptions, parseBind, parseVolumesFrom, tmpfsData } from "./mount-spec.ts";

const words = (f: () => unknown): string => {
  try {
    return JSON.stringify(f());
  } catch (e) {
    if (e instanceof EngineError) return `${e.status} ${e.message}`;
    throw e;
  }
};
const bind = (raw: string): string =>
  words(() => {
    const { Type, Name, Source, Destination, Mode, RW, Propagation, CopyData } = parseBind(raw, "").mount;
    return { Type, Name, Source, Destination, Mode, RW, Propagation, CopyData };
  });

// The answers of an engine 20.10.24.
test("binds that are none are refused in the engine's words", () => {
  expect(bind("e3v:data")).toBe(
    `500 invalid volume specification: 'e3v:data': invalid mount config for type "volume": invalid mount path: 'data' mount path must be absolute`,
  );
  expect(bind("e3v:/a:zzz")).toBe("500 invalid mode: zzz");
  expect(bind("/a:/x:z,Z")).toBe("500 invalid mode: z,Z");
  expect(bind("/:/")).toBe(
    `500 invalid volume specification: '/:/': invalid mount config for type "bind": invalid specification: destination can't be '/'`,
  );
  expect(bind("a:b:c:d")).toBe("500 invalid volume specification: 'a:b:c:d'");
  expect(bind(":/x")).toBe("500 invalid volume specification: ':/x'");
  expect(bind("/x:")).toBe("500 invalid volume specification: '/x:'");
  expect(bind("/tmp:/a:nocopy")).toBe(
    `500 invalid volume specification: '/tmp:/a:nocopy': invalid mount config for type "bind": field VolumeOptions must not be specified`,
  );
  expect(bind("e3v:/a:rshared")).toBe(
    `500 invalid volume specification: 'e3v:/a:rshared': invalid mount config for type "volume": field BindOptions must not be specified`,
  );
});

test("binds name directories, volumes or nothing", () => {
  expect(bind("/a/../b/:/x//y/:ro,rslave")).toBe(
    '{"Type":"bind","Source":"/b","Destination":"/x/y","Mode":"ro,rslave","RW":false,"Propagation":"rslave"}',
  );
  expect(bind("vol:/x:nocopy")).toBe(
    '{"Type":"volume","Name":"vol","Source":"","Destination":"/x","Mode":"nocopy","RW":true,"Propagation":"","CopyData":false}',
  );
  expect(bind("/x")).toBe(
    '{"Type":"volume","Name":"","Source":"","Destination":"/x","Mode":"","RW":true,"Propagation":"","CopyData":true}',
  );
  expect(bind("/a:/x:")).toBe('{"Type":"bind","Source":"/a","Destination":"/x","Mode":"","RW":true,"Propagation":"rprivate"}');
});

test("volumes of others come as they are, or read-only", () => {
  expect(words(() => parseVolumesFrom("web:ro"))).toBe('{"container":"web","readOnly":true}');
  expect(words(() => parseVolumesFrom("web"))).toBe('{"container":"web","readOnly":false}');
  expect(words(() => parseVolumesFrom("web:rx"))).toBe("400 invalid mode: rx");
  expect(words(() => parseVolumesFrom(""))).toBe("400 volumes-from specification cannot be an empty string");
});

test("of options of tmpfs the last one counts", () => {
  expect(mergeTmpfsOptions(["noexec", "nosuid", "nodev", "rprivate", "exec", "size=1m", "size=2m"])).toEqual([
    "nosuid",
    "nodev",
    "rprivate",
    "exec",
    "size=2m",
  ]);
  expect(words(() => mergeTmpfsOptions(["foo=1"]))).toBe('500 invalid tmpfs option ["foo" "1"]');
  expect(words(() => mergeTmpfsOptions(["bar"]))).toBe('500 invalid tmpfs option ["bar"]');
  const mount: Mount = { Type: "tmpfs", Target: "/x", ReadOnly: true, TmpfsOptions: { SizeBytes: 3 << 20, Mode: 0o700 } };
  expect(tmpfsData(mount)).toBe("ro,mode=700,size=3m");
  expect(tmpfsData({ TmpfsOptions: { SizeBytes: 1_000_000 } })).toBe("size=1000000");
});

test("paths are cleaned as Go does", () => {
  expect(["/a//b/./c/..", "a/../..", "/..", "", "a/b/"].map(cleanPath)).toEqual(["/a/b", "..", "/", ".", "a/b"]);
});
