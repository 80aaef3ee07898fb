import { expect, test } from "vitest";
import { BuildArgs } from "../build-args.ts";
import { isBuiltOn, sameStep } from "../cache.ts";
import { applyToConfig, type BuildConfig } from "../image-config.ts";
import { parseDockerfile } from "../parser/parse.ts";
import { expandCommand, isConfigCommand } from "./command.ts";
import { InstructionError } from "./error.ts";
import { findStage, parseStages } from "./parse.ts";

const stagesOf = (text: string) => parseStages(parseDockerfile(text).nodes);

/** What an image's configuration becomes by one stage. */
function configAfter(text: string): { config: BuildConfig; history: string[] } {
  const config: BuildConfig = {};
  const state = { cmdSet: false };
  const history = (stagesOf(`FROM x\n${text}`).stages[0]?.instructions ?? []).map(({ command }) => {
    const expanded = expandCommand(command, new Map([["V", "a b"]]), { escape: "\\" });
    return isConfigCommand(expanded) ? applyToConfig(config, expanded, state) : "";
  });
  return { config, history };
}

test("stages with names, bases and the ARGs before them", () => {
  const { stages, metaArgs } = stagesOf("ARG A=1\nFROM --platform=linux/amd64 a AS One\nRUN x\nFROM one\nARG B\n");
  expect(metaArgs.map(({ command }) => command.args)).toEqual([[{ key: "A", value: "1" }]]);
  expect(stages.map(({ name, base, platform, instructions }) => [name, base, platform, instructions.length])).toEqual([
    ["one", "a", "linux/amd64", 1],
    ["", "one", "", 1],
  ]);
  expect(findStage(stages, "ONE")).toBe(0);
  expect(findStage(stages, "two")).toBe(-1);
});

test("errors name the line", () => {
  const message = (text: string): string => {
    try {
      stagesOf(text);
    } catch (e) {
      if (e instanceof InstructionError) return e.message;
      throw e;
    }
    return "";
  };
  expect(message("FROM a\n\nNOSUCH")).toBe("dockerfile parse error line 3: unknown instruction: NOSUCH");
  expect(message("RUN x")).toBe("no build stage in current context");
  expect(message("FROM a\nCOPY --from=a --from=b c d")).toBe("dockerfile parse error line 2: Duplicate flag specified: from");
});

test("an ENTRYPOINT forgets the CMD of the image below, not that of its own stage", () => {
  expect(configAfter('ENTRYPOINT ["a"]').config.Cmd).toBe(null);
  expect(configAfter('CMD ["b"]\nENTRYPOINT ["a"]').config.Cmd).toEqual(["b"]);
});

test("history says what was done, variables replaced", () => {
  expect(configAfter('ENV A=$V B="$V"\n').history.slice(0, 1)).toEqual(["ENV A=a b B=a b"]);
  expect(configAfter('CMD ["a \\"b\\""]\nVOLUME /a /b\nHEALTHCHECK --timeout=90s --retries=2 CMD x').history).toEqual([
    'CMD ["a \\"b\\""]',
    "VOLUME [/a /b]",
    `HEALTHCHECK &{["CMD-SHELL" "x"] "0s" "1m30s" "0s" '\\x02'}`,
  ]);
});

test("an ARG counts where it is declared; what is predefined is no part of the cache", () => {
  const args = new BuildArgs(
    new Map([
      ["A", "given"],
      ["HTTP_PROXY", "p"],
      ["Z", "z"],
    ]),
  );
  args.addMeta("M", "m");
  const stage = args.forStage();
  expect(stage.withoutThoseOf([])).toEqual(["HTTP_PROXY=p"]);
  stage.add("A", "default");
  stage.add("M", undefined);
  expect(stage.withoutThoseOf(["M=own"])).toEqual(["A=given", "HTTP_PROXY=p"]);
  expect(stage.commandForCache(stage.withoutThoseOf([]), ["sh"])).toEqual(["|2", "A=given", "M=m", "sh"]);
  args.mergeReferenced(stage);
  expect(args.unused()).toEqual(["Z"]);
});

test("a step was done before if command, environment, user, labels, ports, volumes are the same", () => {
  const step = { Cmd: ["a"], Env: ["A=1"], User: "" };
  expect(sameStep(step, { ...step, WorkingDir: "/x" })).toBe(true);
  expect(sameStep(step, { ...step, Env: ["A=2"] })).toBe(false);
  expect(sameStep(step, { ...step, Labels: { a: "1" } })).toBe(false);
});

test("an image is built on another if it begins with its history and layers", () => {
  const base = { history: [{ created_by: "a" }], diffIds: ["1"] };
  expect(isBuiltOn({ history: [{ created_by: "a" }, { created_by: "b" }], diffIds: ["1", "2"] }, base)).toBe(true);
  expect(isBuiltOn({ history: [{ created_by: "x" }, { created_by: "b" }], diffIds: ["1", "2"] }, base)).toBe(false);
});
