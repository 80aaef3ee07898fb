import { expect, test } from "vitest";
import { checkArgs, defineCommand, exactly, FlagError, parseFlags } from "./command.ts";
import { createFlags } from "./container/create-flags.ts";
import { bool, bytes, decimal, duration, filter, type Flags, int, list, map, nullable, readCsv, string, strings, uint16 } from "./flags.ts";

const flags: Flags = {
  rm: bool("", { default: true }),
  interactive: bool("", { short: "i" }),
  tty: bool("", { short: "t" }),
  publish: list("", { short: "p" }),
  memory: bytes("", { short: "m" }),
  number: int("", { short: "n" }),
  weight: uint16(""),
  cpus: decimal(""),
  wait: duration(""),
  words: strings("", { default: ["a"] }),
  labels: map(""),
  where: filter("", { short: "f" }),
  timeout: nullable(int("")),
  name: string(""),
};

const parse = (line: string, first = false): Record<string, unknown> & { args: readonly string[] } => {
  const parsed = parseFlags(flags, line.split(" "), first);
  const given = Object.fromEntries([...parsed.given].map((name) => [name, parsed.values.get(name)]));
  return { ...given, args: parsed.args };
};

const failure = (line: string): string => {
  try {
    parse(line);
  } catch (e) {
    if (e instanceof FlagError) return e.message;
    throw e;
  }
  return "no failure";
};

test.each([
  ["--rm=false x", { rm: false, args: ["x"] }],
  ["-itp80:80 x", { interactive: true, tty: true, publish: ["80:80"], args: ["x"] }],
  ["-p=80:80 -p 81 x", { publish: ["80:80", "81"], args: ["x"] }],
  ["-m 64m x", { memory: 67_108_864, args: ["x"] }],
  ["-n -3 x --number 0x10", { number: 16, args: ["x"] }],
  ["-i=0 x", { interactive: false, args: ["x"] }],
  ["x -i y", { interactive: true, args: ["x", "y"] }],
  ["x -- -i", { args: ["x", "-i"] }],
  ["--cpus 1.5 x", { cpus: 1_500_000_000, args: ["x"] }],
  ["--cpus 1/4", { cpus: 250_000_000, args: [] }],
  ["--wait 1h2m3.5s", { wait: 3_723_500_000_000, args: [] }],
  ["--words b,c --words d", { words: ["b", "c", "d"], args: [] }],
  [
    "--labels a=b --labels c",
    {
      labels: new Map([
        ["a", "b"],
        ["c", ""],
      ]),
      args: [],
    },
  ],
  ["-f name=a -f NAME=b -f x=y", { where: { name: ["a", "b"], x: ["y"] }, args: [] }],
  ["- x", { args: ["-", "x"] }],
])("%s", (line, expected) => {
  expect(parse(line)).toEqual(expected);
});

test("flags end at the first operand where a command follows", () => {
  expect(parse("-i alpine ls -i", true)).toEqual({ interactive: true, args: ["alpine", "ls", "-i"] });
});

/** As docker 28.2.2 says. */
test.each([
  ["--foo", "unknown flag: --foo"],
  ["-iy", "unknown shorthand flag: 'y' in -y"],
  ["---x", "bad flag syntax: ---x"],
  ["--name", "flag needs an argument: --name"],
  ["-itp", "flag needs an argument: 'p' in -p"],
  ["--rm=maybe", 'invalid argument "maybe" for "--rm" flag: strconv.ParseBool: parsing "maybe": invalid syntax'],
  ["-n x", 'invalid argument "x" for "-n, --number" flag: strconv.ParseInt: parsing "x": invalid syntax'],
  ["--weight 70000", 'invalid argument "70000" for "--weight" flag: strconv.ParseUint: parsing "70000": value out of range'],
  ["-m 1q", `invalid argument "1q" for "-m, --memory" flag: invalid suffix: 'q'`],
  ["--memory=", `invalid argument "" for "-m, --memory" flag: invalid size: ''`],
  ["--cpus x", 'invalid argument "x" for "--cpus" flag: failed to parse x as a rational number'],
  ["--cpus 1.0000000001", 'invalid argument "1.0000000001" for "--cpus" flag: value is too precise'],
  ["--wait 5", 'invalid argument "5" for "--wait" flag: time: missing unit in duration "5"'],
  ["-f a", 'invalid argument "a" for "-f, --where" flag: bad format of filter (expected name=value)'],
])("%s is refused", (line, expected) => {
  expect(failure(line)).toBe(expected);
});

test.each([
  ["--ulimit nofile=2:1", "ulimit soft limit must be less than or equal to hard limit: 2 > 1"],
  ["--ulimit foo=1", "invalid ulimit type: foo"],
  ["--mount type=bind", "target is required"],
  ["--mount type=bind,target=/x,foo", "invalid field 'foo' must be a key=value pair"],
  ["--mount type=tmpfs,target=/x,bind-propagation=shared", "cannot mix 'bind-*' options with mount type 'tmpfs'"],
  ["--network name=x,foo=bar", "invalid field key foo"],
  ["--add-host x", 'bad format for add-host: "x"'],
  ["--add-host x:y", 'invalid IP address in add-host: "y"'],
  ["--sysctl a=b", "sysctl 'a=b' is not allowed"],
  ["--label =x", "invalid label '=x': empty name"],
  ["-e =x", "invalid environment variable: =x"],
  ["--attach foo", "valid streams are STDIN, STDOUT and STDERR"],
  ["--dns x", "IP address is not correctly formatted: x"],
  ["--device-read-bps /dev/sda", "bad format: /dev/sda"],
])("docker run %s is refused", (line, expected) => {
  try {
    parseFlags(createFlags, line.split(" "), true);
  } catch (e) {
    expect((e as Error).message.replace(/^invalid argument .* flag: /, "")).toBe(expected);
    return;
  }
  expect("accepted").toBe(expected);
});

test("a wrong number of operands is told with the usage", () => {
  const tag = defineCommand({ use: "tag A B", short: "", args: exactly(2), flags: {}, *run() {} });
  expect(() => checkArgs(tag, "docker image tag", ["x"])).toThrow(
    "docker: 'docker image tag' requires 2 arguments\n\nUsage:  docker image tag A B\n\nRun 'docker image tag --help' for more information",
  );
});

test("comma-separated values may be quoted", () => {
  expect(readCsv('a,"b,c","d""e"')).toEqual(["a", "b,c", 'd"e']);
});
