import { expect, test } from "vitest";
import { executeTemplate } from "./exec.ts";
import { templateFunctions } from "./functions.ts";
import { parseTemplate } from "./parse.ts";
import { GoFloat, GoStruct, type GoValue } from "./value.ts";

const data = new GoStruct("*formatter.ContainerContext", {
  ID: "abc",
  Names: ["one", "two"],
  Size: 12,
  Ratio: new GoFloat(0.5),
  Labels: new Map<string, GoValue>([
    ["b", "2"],
    ["a", "1"],
  ]),
  Running: () => true,
  Nothing: null,
  State: new GoStruct("*types.State", { Pid: 7 }),
});

const run = (source: string): string => {
  try {
    return executeTemplate(
      parseTemplate(source, (name) => templateFunctions.has(name)),
      data,
      templateFunctions,
    );
  } catch (e) {
    return (e as Error).message;
  }
};

test.each([
  ["{{.ID}} {{.State.Pid}}", "abc 7"],
  [
    "{{json .}}",
    '{"ID":"abc","Names":["one","two"],"Size":12,"Ratio":0.5,"Labels":{"a":"1","b":"2"},"Running":true,"Nothing":null,"State":{"Pid":7}}',
  ],
  ["{{.Names}} {{.Labels}} {{.Ratio}} {{.Nothing}}", "[one two] map[a:1 b:2] 0.5 <nil>"],
  ["{{range .Names}}<{{.}}>{{end}}", "<one><two>"],
  ["{{range $i, $n := .Names}}{{if $i}}, {{end}}{{$n}}{{end}}", "one, two"],
  ["{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}", "a=1;b=2;"],
  ["{{if and .Running (eq .ID `abc` )}}yes{{else}}no{{end}}", "yes"],
  ["{{if .Nothing}}a{{else if gt .Size 10}}b{{else}}c{{end}}", "b"],
  ["{{with .State}}{{.Pid}}{{$.ID}}{{end}}", "7abc"],
  ["a {{- /* gone */ -}} b", "ab"],
  ["{{  .ID -}}   x", "abcx"],
  ['{{join .Names ", "}} {{upper .ID}} {{title "a bc"}} {{pad .ID 1 2}}| {{truncate .ID 2}}', "one, two ABC A Bc  abc  | ab"],
  ['{{len .Names}} {{index .Names 1}} {{index .Labels "a"}} {{slice .ID 1}}', "2 two 1 bc"],
  ['{{printf "%-5s|%05d|%.2f|%q|%v" .ID .Size .Ratio .ID .Names}}', 'abc  |00012|0.50|"abc"|[one two]'],
  ['{{.Names | len | printf "%d"}}', "2"],
  ["{{$x := .Size}}{{$x = 3}}{{$x}}", "3"],
  ['{{define "t"}}[{{.}}]{{end}}{{template "t" .ID}}', "[abc]"],
  ['{{range .Names}}{{if eq . "two"}}{{break}}{{end}}{{.}}{{end}}', "one"],
  ["{{.Labels.ghost}}", "<no value>"],
  ['{{print 1 2 "a" 3}}{{println "x" 1}}', "1 2a3x 1\n"],
  ['{{html "<a>"}} {{urlquery "a b&c"}}', "&lt;a&gt; a+b%26c"],
])("%s", (source, expected) => {
  expect(run(source)).toBe(expected);
});

/** As docker 28.2.2 prints them, behind "template parsing error: ", for the same templates over a context of the same shape. */
test.each([
  ["{{.Ghost}}", `template: :1:2: executing "" at <.Ghost>: can't evaluate field Ghost in type *formatter.ContainerContext`],
  ["{{ghost}}", 'template: :1: function "ghost" not defined'],
  ["{{.ID", "template: :1: unclosed action"],
  ["{{if .ID}}x", "template: :1: unexpected EOF"],
  ["{{end}}", "template: :1: unexpected {{end}}"],
  ["{{else}}", "template: :1: unexpected {{else}}"],
  ["{{if}}x{{end}}", "template: :1: missing value for if"],
  ["{{$x}}", 'template: :1: undefined variable "$x"'],
  ["{{with $y := .ID}}{{$y}}{{end}}{{$y}}", 'template: :1: undefined variable "$y"'],
  ["{{index .ID 50}}", 'template: :1:2: executing "" at <index .ID 50>: error calling index: index out of range: 50'],
  ["{{range .ID}}x{{end}}", `template: :1:8: executing "" at <.ID>: range can't iterate over abc`],
  ["{{len 3}}", 'template: :1:2: executing "" at <len 3>: error calling len: len of type int'],
  ["{{.ID.X}}", `template: :1:5: executing "" at <.ID.X>: can't evaluate field X in type string`],
  ['{{"a" | 3}}', "template: :1: non executable command in pipeline stage 2"],
  ["{{1 2}}", `template: :1:2: executing "" at <1>: can't give argument to non-function 1`],
  ["{{.Running 3}}", 'template: :1:2: executing "" at <.Running>: wrong number of args for Running: want 0 got 1'],
  ["{{upper 3}}", 'template: :1:8: executing "" at <3>: expected string; found 3'],
  ["{{json}}", 'template: :1:2: executing "" at <json>: wrong number of args for json: want 1 got 0'],
  ['{{eq 1 "a"}}', 'template: :1:2: executing "" at <eq 1 "a">: error calling eq: incompatible types for comparison'],
  ['{{template "x"}}', 'template: :1:11: executing "" at <{{template "x"}}>: template "x" not defined'],
  ["{{)}}", "template: :1: unexpected right paren"],
  ["{{break}}", "template: :1: {{break}} outside {{range}}"],
  ['{{"abc}}', "template: :1: unterminated quoted string"],
  ["{{3x}}", 'template: :1: bad number syntax: "3x"'],
  ["{{/* a }}", "template: :1: unclosed comment"],
  ["{{slice .ID 2 1}}", 'template: :1:2: executing "" at <slice .ID 2 1>: error calling slice: invalid slice index: 2 > 1'],
  ["{{nil}}", 'template: :1:2: executing "" at <nil>: nil is not a command'],
  ["{{#}}", 'template: :1: unexpected "#" in command'],
  ['{{define "a"}}x', "template: :1: unexpected EOF"],
])("%s fails", (source, expected) => {
  expect(run(source)).toBe(expected);
});

test.each([
  ['{{printf "%d %s" 1}}', "1 %!s(MISSING)"],
  ['{{printf "%d" "x"}}', "%!d(string=x)"],
  ['{{printf "%v %T" 0.25 0.25}}', "0.25 float64"],
  ["{{'a'}} {{println true 0.5 1e3}}", "97 true 0.5 1000\n"],
  [`{{title "a-b c'd"}}{{pad "" 1 1}}|`, "A-B C'D|"],
  ["{{.ID | }}{{(.ID)}}", "abcabc"],
])("%s, as docker has it", (source, expected) => {
  expect(run(source)).toBe(expected);
});
