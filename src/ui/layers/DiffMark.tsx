/** What a layer does to a name, as a mark: each has a hue and a shape of its own. Around (0, 0). */
import type { Change } from "./layout.ts";

const PATHS: Readonly<Record<Change, string>> = {
  added: "M-4.500 0H4.500M0-4.500V4.500",
  changed: "M-5 1.500C-3.200-3.500-1.200-2.500 0 0S3.200 3.500 5-1.500",
  removed: "M-4.500 0H4.500",
  opaque: "M-4-4H4V4H-4z",
  merged: "M-4.500-2.200H4.500M-4.500 2.200H4.500",
};

export function DiffMark({ change }: { readonly change: Change }) {
  return <path className={`diff ${change}`} d={PATHS[change]} />;
}
