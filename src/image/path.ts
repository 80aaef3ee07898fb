/** Go's path functions, whose exact results show in layers and in messages: `path/filepath` Clean and Join. */

/** The shortest name for the same path: without `.`, doubled slashes, and `..` where it can be resolved. */
export function cleanPath(path: string): string {
  const rooted = path.startsWith("/");
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.length > 0 && parts[parts.length - 1] !== "..") parts.pop();
    else if (!rooted) parts.push(part);
  }
  return (rooted ? "/" : "") + parts.join("/") || (rooted ? "/" : ".");
}

export const joinClean = (dir: string, name: string): string => cleanPath(`${dir}/${name}`);
