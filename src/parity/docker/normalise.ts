/** What differs from run to run in docker's output, made equal: ids, times, durations. Recorder and replay use it alike. */

const DURATION =
  /(?:Less than a second|About a minute|About an hour|\d+ (?:seconds|minutes|hours))(?= ago| \(|\s|"|$)(?: ago)?|(?:1 second|1 minute)(?: ago)?/g;

/** Of a table that tells times. */
const HEADING = /^[A-Z ]+ {2,}CREATED( |$)/;

/** The text with ids, times and durations replaced by their kind; in a line that changed, gaps of two blanks and more are three. */
export function normalise(text: string): string {
  return text
    .split("\n")
    .map((line) => {
      const changed = line
        .replace(/\b[0-9a-f]{64}\b/g, "<id>")
        .replace(/\b[0-9a-f]{12}\b/g, "<short id>")
        .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?: ?(?:Z|[+-]\d\d:?\d\d)(?: UTC)?)?/g, "<time>")
        .replace(DURATION, "<duration>");
      // Columns are as wide as what stood in them: in the line, and in the heading above it.
      return changed === line && !HEADING.test(line) ? line : changed.replace(/ {2,}/g, "   ");
    })
    .join("\n");
}
