/** /root/mini-docker: two container runtimes in bash, to be read and tried: one of some fifty lines, and `box`, which adds what the first leaves out. */

import box from "./mini-docker/box?raw";
import script from "./mini-docker/mini-docker?raw";
import readme from "./mini-docker/README.md?raw";

/** Files of /root/mini-docker: path, content, mode. */
export const miniDockerFiles: readonly (readonly [path: string, content: string, mode: number])[] = [
  ["/root/mini-docker/README.md", readme, 0o644],
  ["/root/mini-docker/box", box, 0o755],
  ["/root/mini-docker/mini-docker", script, 0o755],
];
