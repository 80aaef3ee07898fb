import { describe, expect, test } from "vitest";
import type { FileEntry, MountEntity } from "../../bridge/messages.ts";
import { decideKey } from "./keys.ts";
import { type FilesInput, layoutFiles, type Listing, type RowShape } from "./layout.ts";

const HOST = 1;

function mount(id: number, target: string, more: Partial<MountEntity> = {}): MountEntity {
  const base = { id, mntNs: HOST, target, root: "/", fstype: "tmpfs", source: "t", options: "rw", unbindable: false, covered: false };
  return { ...base, ...(id === 1 ? {} : { parent: 1 }), ...more };
}

function directory(...names: string[]): Listing {
  const entries = names.map((name): FileEntry => {
    const isDir = name.endsWith("/");
    return { name: name.replace("/", ""), mode: isDir ? 0o040755 : 0o100644, uid: 0, gid: 0, sizeBytes: 1, ino: 1 };
  });
  return { kind: "entries", entries, total: entries.length, mount: 1 };
}

function layout(mounts: readonly MountEntity[], more: Partial<FilesInput> = {}) {
  return layoutFiles({ mounts, mntNs: HOST, others: [], open: new Map(), shown: new Map(), width: 600, ...more });
}

/** Rows as an outline. */
const outline = (rows: readonly RowShape[]): string[] =>
  rows.map(
    (row) =>
      `${"  ".repeat(row.depth)}${row.kind === "mount" ? `[${row.mount.id}] ${row.path}` : row.kind === "entry" ? row.path : row.text}`,
  );

describe("the tree of mounts", () => {
  test("stands each mount below what it sits on, by name", () => {
    const { rows } = layout([mount(1, "/"), mount(3, "/proc"), mount(2, "/dev"), mount(4, "/dev/pts", { parent: 2 })]);
    expect(outline(rows)).toEqual(["[1] /", "  [2] /dev", "    [4] /dev/pts", "  [3] /proc"]);
  });

  test("draws no two rows over each other, and none beyond the drawing", () => {
    const open = new Map([
      ["/", directory("bin/", "dev/", "etc/", "file")],
      ["/etc", directory("a", "b")],
      ["/dev", directory("null")],
    ]);
    const { rows, height } = layout([mount(1, "/"), mount(2, "/dev"), mount(5, "/dev", { parent: 2 })], { open });
    for (const [i, row] of rows.entries())
      expect(row.y).toBeGreaterThanOrEqual(i === 0 ? 0 : (rows[i - 1]?.y ?? 0) + (rows[i - 1]?.height ?? 0));
    expect((rows.at(-1)?.y ?? 0) + (rows.at(-1)?.height ?? 0)).toBeLessThan(height);
  });

  test("shows an open directory's entries, with the mounts below it in their places", () => {
    const open = new Map([["/", directory("bin/", "dev/", "mnt/")]]);
    const { rows } = layout([mount(1, "/"), mount(2, "/dev"), mount(3, "/mnt/deep/in")], { open });
    expect(outline(rows)).toEqual(["[1] /", "  /bin", "  [2] /dev", "  /mnt", "    [3] /mnt/deep/in"]);
  });

  test("tells what a covered mount is covered by, and does not open it", () => {
    const open = new Map([["/mnt", directory("new")]]);
    const under = mount(2, "/mnt", { covered: true });
    const { rows, coveredCount } = layout([mount(1, "/"), under, mount(3, "/mnt", { parent: 2 })], { open });
    expect(outline(rows)).toEqual(["[1] /", "  [2] /mnt", "    [3] /mnt", "      /mnt/new"]);
    expect(rows[1]).toMatchObject({ reachable: false, open: false, coveredBy: 3 });
    expect(coveredCount).toBe(1);
  });

  test("counts entries that it does not draw", () => {
    const names = Array.from({ length: 500 }, (_, i) => `f${i}`);
    const open = new Map([["/", { ...directory(...names), total: 9000 } as Listing]]);
    const first = layout([mount(1, "/")], { open }).rows;
    expect(first).toHaveLength(1 + 60 + 1);
    expect(first.at(-1)).toMatchObject({ kind: "note", text: "and 8940 more", more: 440 });
    const all = layout([mount(1, "/")], { open, shown: new Map([["/", 1000]]) }).rows;
    expect(all.at(-1)).toMatchObject({ kind: "note", text: "and 8500 more", more: 0 });
  });

  test("stays small whatever is mounted", () => {
    const many = Array.from({ length: 3000 }, (_, i) => mount(i + 1, i === 0 ? "/" : `/m${i}`, i === 0 ? {} : { parent: i }));
    const { rows, hiddenRows, mountCount } = layout(many);
    expect(rows.length + hiddenRows).toBeLessThanOrEqual(3000);
    expect(rows.length).toBeLessThanOrEqual(900);
    expect(mountCount).toBe(3000);
  });
});

test("keys walk the tree, open and close it", () => {
  const { rows } = layout([mount(1, "/"), mount(2, "/dev")], { open: new Map([["/", directory("dev/", "etc/")]]) });
  const at = (key: string, from: number) => {
    const effect = decideKey(rows, from, key);
    return typeof effect === "object" ? effect.to?.path : effect;
  };
  expect(["ArrowDown", "ArrowUp", "Home", "End", "ArrowRight", "ArrowLeft", "Enter", "x"].map((key) => at(key, 0))).toEqual([
    "/dev",
    undefined,
    "/",
    "/etc",
    "/dev",
    "toggle",
    "activate",
    undefined,
  ]);
  expect([at("ArrowRight", 2), at("ArrowLeft", 2), at("ArrowUp", 2)]).toEqual(["toggle", "/", "/dev"]);
});

describe("propagation", () => {
  const others = [
    { mntNs: 7, label: "a 7" },
    { mntNs: 8, label: "b 8" },
    { mntNs: 9, label: "c 9" },
  ];
  const shared = [
    mount(1, "/"),
    mount(2, "/mnt", { shared: 5 }),
    mount(12, "/mnt", { mntNs: 8, shared: 5, parent: 11 }),
    mount(22, "/mnt", { mntNs: 9, master: 5, parent: 21 }),
  ];

  test("leads to the rails of the namespaces that it reaches, which come first", () => {
    const { rails, ties } = layout(shared, { others });
    expect(rails.map(({ mntNs }) => mntNs)).toEqual([8, 9, 7]);
    expect(ties.flatMap(({ kind, ends }) => ends.map((end) => `${kind} ${rails.find(({ x }) => x === end.x)?.mntNs}`))).toEqual([
      "peer 8",
      "to 9",
    ]);
  });

  test("seen from the receiving side comes from there", () => {
    const { rails, ties } = layout(shared, { others: [{ mntNs: HOST, label: "host" }, ...others], mntNs: 9 });
    expect(ties.flatMap(({ kind, ends }) => ends.map((end) => `${kind} ${rails.find(({ x }) => x === end.x)?.mntNs}`))).toEqual([
      "from 1",
      "from 8",
    ]);
  });

  test("ties mounts of one group in one namespace", () => {
    const { ties } = layout([mount(1, "/"), mount(2, "/a", { shared: 3 }), mount(3, "/b", { shared: 3 })]);
    expect(ties).toHaveLength(1);
    expect(ties[0]).toMatchObject({ kind: "peer", group: 3, ends: [] });
  });

  test("says how many namespaces have no rail", () => {
    const crowd = Array.from({ length: 40 }, (_, i) => ({ mntNs: 100 + i, label: `p ${i}` }));
    const { rails, hiddenRails } = layout(shared, { others: crowd });
    expect(rails.length + hiddenRails).toBe(40);
    expect(rails.length).toBeLessThan(10);
  });
});
