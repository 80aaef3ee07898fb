/** What help says of `--format`. */

export const FORMAT_HELP = `How to print:
'table':            a table with headings (the default)
'table TEMPLATE':   a table by a Go template
'json':             JSON
'TEMPLATE':         each by a Go template.
See https://docs.docker.com/go/formatting/ for templates`;

export const INSPECT_FORMAT_HELP = `How to print:
'json':             JSON
'TEMPLATE':         by a Go template.
See https://docs.docker.com/go/formatting/ for templates`;
