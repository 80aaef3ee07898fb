/** /usr/local/bin/docker-demo: a tour of Docker as a script, every step of it a real command. */

import script from "./docker-demo/docker-demo?raw";

/** Files of the tour: path, content, mode. */
export const dockerDemoFiles: readonly (readonly [path: string, content: string, mode: number])[] = [
  ["/usr/local/bin/docker-demo", script, 0o755],
];
