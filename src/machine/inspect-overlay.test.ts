import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Answer, LayerEntry, Query } from "../bridge/messages.ts";
import { OverlaySuperBlock } from "../kernel/fs/overlay/super.ts";
import { inspect } from "./inspect.ts";
import { boot, type TestMachine } from "./testing.ts";
import { hashTrace } from "./trace-hash.ts";

/** Two lower layers and an upper one, each on the same tmpfs. */
const STACK = [
  "mkdir -p /o/{base,app,upper,work,merged}; cd /o/base; mkdir etc lib; echo base > etc/motd; echo 1 > VERSION; echo x > gone; echo l > lib/a",
  "cd ../app; mkdir etc; echo app > etc/motd; echo 2 > VERSION; cd /",
  "mount -t overlay overlay -o lowerdir=/o/app:/o/base,upperdir=/o/upper,workdir=/o/work /o/merged",
].join("; ");

function stacked(): TestMachine {
  const m = boot();
  expect(m.run(STACK)).toMatchObject({ stderr: "", status: 0 });
  return m;
}

function overlayOf(m: TestMachine): OverlaySuperBlock {
  const sb = m.machine.kernel.init?.leader.mntNs.mounts.map((mount) => mount.sb).find((one) => one instanceof OverlaySuperBlock);
  if (sb === undefined) throw new Error("no overlay");
  return sb;
}

const ask = (m: TestMachine, query: Query): Answer => inspect(m.machine.kernel, query);

function layers(m: TestMachine, path = "/"): Map<string, LayerEntry> {
  const answer = ask(m, { kind: "layers", overlay: overlayOf(m).dev, path });
  if (answer.kind !== "layers") throw new Error(JSON.stringify(answer));
  return new Map(answer.entries.map((entry) => [entry.name, entry]));
}

/** `0 changed, 2 added hidden`. */
function told(entry: LayerEntry | undefined): string {
  const parts = entry?.layers.map(({ layer, change, hidden }) => `${layer} ${change}${hidden ? " hidden" : ""}`).join(", ");
  return `${parts}${entry?.merged === undefined ? ": not seen" : ""}`;
}

describe("the layers of an overlay", () => {
  test("each tell what they do to a name", () => {
    const m = stacked();
    m.run("cd /o/merged; rm gone; echo more >> etc/motd; touch new; rm -r lib; mkdir lib; cd /");
    const top = layers(m);
    expect(told(top.get("VERSION"))).toBe("1 changed, 2 added hidden");
    expect(told(top.get("gone"))).toBe("0 removed, 2 added hidden: not seen");
    expect(told(top.get("new"))).toBe("0 added");
    expect(told(top.get("lib"))).toBe("0 opaque, 2 added hidden");
    expect(told(top.get("etc"))).toBe("0 merged, 1 merged, 2 added");
    expect(told(layers(m, "/etc").get("motd"))).toBe("0 changed, 1 changed hidden, 2 added hidden");
    // Below an opaque directory nothing of the lower one counts.
    expect(told(layers(m, "/lib").get("a"))).toBe("2 added hidden: not seen");
  });

  test("agree with what a process sees", () => {
    const m = stacked();
    m.run("cd /o/merged; rm -r etc VERSION; echo f > etc; mv gone kept; ln -s x y; mkdir -p a/b; cd /");
    const seen = [...layers(m).values()].filter(({ merged }) => merged !== undefined);
    expect(seen.map(({ name }) => name).join(" ")).toBe(m.run("cd /o/merged; echo *").stdout.trim());
    for (const { name, merged } of seen) {
      expect(`${merged?.mode} ${merged?.sizeBytes}`).toBe(
        m.run(`stat -c '%f %s' /o/merged/${name} | (read f s; echo $((16#$f)) $s)`).stdout.trim(),
      );
    }
  });

  test("hold what they hold, whatever is seen", () => {
    const m = stacked();
    m.run("echo mine > /o/merged/VERSION");
    const read = (layer: number): string => {
      const answer = ask(m, { kind: "layer-file", overlay: overlayOf(m).dev, layer, path: "/VERSION", maxBytes: 100 });
      return answer.kind === "file" ? new TextDecoder().decode(answer.bytes) : JSON.stringify(answer);
    };
    expect([0, 1, 2].map(read)).toEqual(["mine\n", "2\n", "1\n"]);
    expect(read(7)).toBe('{"kind":"error","errno":"ENOENT"}');
  });

  test("are asked about what is there", () => {
    const m = stacked();
    const errno = (overlay: number, path: string) => {
      const answer = ask(m, { kind: "layers", overlay, path });
      return answer.kind === "error" ? answer.errno : answer.kind;
    };
    expect(errno(overlayOf(m).dev, "/none")).toBe("ENOENT");
    expect(errno(overlayOf(m).dev, "/VERSION")).toBe("ENOTDIR");
    expect(errno(999, "/")).toBe("ENOENT");
  });
});

test("renamed directories are followed to where the layers have them", () => {
  const m = boot();
  m.run("mkdir -p /o/{base,upper,work,merged} /o/base/{d,e}/in; echo one > /o/base/d/in/f; echo three > /o/base/e/in/g");
  m.run("mount -t overlay overlay -o redirect_dir=on,lowerdir=/o/base,upperdir=/o/upper,workdir=/o/work /o/merged");
  expect(m.run("cd /o/merged; mv d D; mv e/in D/moved; cd /")).toMatchObject({ stderr: "", status: 0 });
  expect(listSeen(m)).toEqual(["/D", "/D/in", "/D/in/f 81a4 4", "/D/moved", "/D/moved/g 81a4 6", "/e"]);
  expect(told(layers(m, "/D").get("moved"))).toBe("0 merged, 1 added");
});

/** All paths below a directory of the overlay as its layers tell them, with what stat tells of files. */
function listSeen(m: TestMachine, path = ""): string[] {
  return [...layers(m, path === "" ? "/" : path).values()].flatMap(({ name, merged }) => {
    if (merged === undefined) return [];
    const at = `${path}/${name}`;
    return (merged.mode & 0o170000) === 0o040000 ? [at, ...listSeen(m, at)] : [`${at} ${merged.mode.toString(16)} ${merged.sizeBytes}`];
  });
}

test("after whatever was done in it, the layers tell what a process sees", () => {
  const names = ["a", "b", "c", "a/b", "b/c", "a/b/c", "c/a"];
  const name = fc.constantFrom(...names);
  const step = fc.oneof(
    fc
      .record({ verb: fc.constantFrom("mkdir -p", "rm -rf", "echo x >>", "rmdir", "touch", "chmod 700"), of: name })
      .map(({ verb, of }) => `${verb} ${of}`),
    fc.tuple(name, name).map(([from, to]) => `mv -T ${from} ${to}`),
    fc.tuple(name, name).map(([from, to]) => `ln ${from} ${to}`),
  );
  const below = fc.array(step, { maxLength: 12 });
  fc.assert(
    fc.property(
      fc.constantFrom("on", "off"),
      below,
      below,
      fc.array(step, { minLength: 1, maxLength: 25 }),
      (redirect, base, app, steps) => {
        const m = boot();
        const fill = (where: string, what: readonly string[]): string => [`cd ${where}`, ...what].join("; ");
        m.run(`mkdir -p /o/{base,app,upper,work,merged}; ${fill("/o/base", base)}; ${fill("/o/app", app)}`);
        m.run(`mount -t overlay overlay -o redirect_dir=${redirect},lowerdir=/o/app:/o/base,upperdir=/o/upper,workdir=/o/work /o/merged`);
        m.run(fill("/o/merged", steps));
        const lines = m.run("cd /o/merged; find . -mindepth 1 -type d; find . -mindepth 1 ! -type d -exec stat -c '%n %f %s' {} +").stdout;
        const real = lines
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => line.slice(1));
        expect(listSeen(m).sort()).toEqual(real.sort());
      },
    ),
    { numRuns: 40, seed: 5 },
  );
}, 60_000);

test("a directory of an overlay is listed, and its files read, without a lookup through it", () => {
  const m = stacked();
  m.run("rm /o/merged/gone");
  const mntNs = m.machine.kernel.init?.leader.mntNs.ino ?? 0;
  const root = ask(m, { kind: "directory", mntNs, path: "/o/merged" });
  expect(root.kind === "directory" && root.entries.map(({ name }) => name)).toEqual(["VERSION", "etc", "lib"]);
  const motd = ask(m, { kind: "file", mntNs, path: "/o/merged/etc/motd", maxBytes: 10 });
  expect(motd.kind === "file" && new TextDecoder().decode(motd.bytes)).toBe("app\n");
});

test("looking at an overlay leaves nothing behind", () => {
  const script = [
    "ls -laiR /o/merged",
    "cat /o/merged/etc/motd; stat -c '%n %i %d %X' /o/merged /o/merged/* /o/upper /o/work/work",
    "echo x >> /o/merged/etc/motd; rm /o/merged/gone; mv /o/merged/lib/a /o/merged/lib/b; ls -laiR /o/merged /o/upper",
    "getfattr -d -m - /o/upper /o/upper/etc 2>&1; sleep 1",
  ];
  const digest = (curious: boolean): string => {
    const m = boot();
    m.run(
      `mount -t tmpfs t /mnt; ${STACK.replaceAll("/o/base", "/mnt/base").replace("mkdir -p /o/{base,", "mkdir -p /mnt/base /o/{").replace("cd ../app", "cd /o/app")}`,
    );
    const hash = hashTrace(m.machine);
    let said = "";
    for (const line of script) {
      if (curious) {
        for (const path of ["/", "/etc", "/lib"]) layers(m, path);
        const mntNs = m.machine.kernel.init?.leader.mntNs.ino ?? 0;
        for (const path of ["", "/etc", "/lib", "/VERSION", "/etc/motd"]) {
          ask(m, { kind: "directory", mntNs, path: `/o/merged${path}` });
          ask(m, { kind: "file", mntNs, path: `/o/merged${path}`, maxBytes: 100 });
        }
      }
      said += m.run(line).stdout;
    }
    return `${hash.digest}\n${said}`;
  };
  expect(digest(true)).toBe(digest(false));
});
