/** The bench of Docker alone: `node .ci/run-ts.mjs src/bench/docker-lines.ts`; `npm run bench` prints the same lines among others. */

import { type Many, manyContainers, pullTime, runTime } from "./docker.ts";
import { line } from "./line.ts";

const ms = (seconds: number): string => `${(seconds * 1000).toFixed(1)} ms`;

const { ours, real } = runTime();
line(
  "docker run --rm alpine true",
  ms(ours),
  real === undefined ? "no peer" : ms(real),
  real === undefined ? "" : `${(real / ours).toFixed(0)}×`,
);
line("docker pull alpine", ms(pullTime()), "", "");
function report({ count, startEach, runBeside, list }: Many): void {
  line(`docker run -d, each, up to ${count}, CPU`, ms(startEach), "flat", "");
  line(`docker run --rm beside ${count}, CPU`, ms(runBeside), "flat", "");
  line(`docker ps of ${count}`, ms(list), count === 1000 ? "aim 50 ms" : "", "");
}
const { total, left, residentBytes } = manyContainers([10, 100, 1000], report);
line("1,000 containers started and removed", `${total.toFixed(1)} s`, "", "");
line("what they leave behind", left, "nothing", "");
line("memory of this process with them", `${(residentBytes / 2 ** 20).toFixed(0)} MiB`, "", "");
