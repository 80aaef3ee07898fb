/** One line a figure. */

export function line(name: string, ours: string, peers: string, ratio: string): void {
  console.log(`${name.padEnd(44)} ${ours.padStart(16)} ${peers.padStart(16)} ${ratio.padStart(9)}`);
}
