/** Works out the digests of the base images' layers and writes them down: `npm run images:digests`. Those that are known already are kept. */

import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Catalogue } from "../../image/base/catalogue.ts";
import { recordedDigests } from "../../image/base/digests.ts";
import { imageSoftware } from "./docker-hub.ts";

const file = join(dirname(process.argv[1] as string), "../../image/base/digests.ts");
const catalogue = new Catalogue(imageSoftware(), recordedDigests);
const rows = new Map<string, string>();
for (const { steps } of catalogue.images) {
  for (const { layer } of steps) {
    if (layer === undefined) continue;
    const archive = catalogue.archiveOf(layer);
    const { fingerprint } = archive;
    const { diffId, digest, crc32 } = archive.identify();
    rows.set(fingerprint, `  // ${layer.key}\n  "${fingerprint}": ["${diffId.slice(7)}", "${digest.slice(7)}", ${crc32}],\n`);
  }
}
const text = readFileSync(file, "utf8");
const start = text.indexOf("RecordedDigests = {") + "RecordedDigests = {".length;
writeFileSync(file, `${text.slice(0, start)}\n${[...rows.values()].join("")}};\n`);
console.log(`${rows.size} layers`);
