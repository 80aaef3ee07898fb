/** Prints, or posts as a worker, the hash of a session: the same in Node and in every browser. */

import { hashOfSession } from "../machine/trace-hash.ts";
import { loadAllPrograms } from "../machine/programs.ts";

await loadAllPrograms();
const hash = hashOfSession();
if (typeof postMessage === "function" && typeof process === "undefined") postMessage(hash);
else console.log(hash);
