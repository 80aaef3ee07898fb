/**
 * The classic builder: one step after the other, each an image of its own, made by a container. moby `builder/dockerfile/{builder,evaluator,dispatchers,
 * internals}.go`. What instructions mean is in `builder/`; here they act.
 */

import type { Proc, Sys } from "../../abi/sys.ts";
import { BuildArgs, variablesOf } from "../../builder/build-args.ts";
import { applyToConfig, resolveLine, resolveWorkdir, shellOf } from "../../builder/image-config.ts";
import {
  type Command,
  type ConfigCommand,
  type CopyCommand,
  expandCommand,
  type Instruction,
  type RunCommand,
  type Stage as StageSource,
} from "../../builder/instructions/command.ts";
import { InstructionError } from "../../builder/instructions/error.ts";
import { findStage, parseCommand, parseStages } from "../../builder/instructions/parse.ts";
import type { Dockerfile, ParseWarning } from "../../builder/parser/node.ts";
import { parseDockerfile } from "../../builder/parser/parse.ts";
import { expandWord, LexError, type LexOptions } from "../../builder/shell/lex.ts";
import { cleanPath } from "../../image/path.ts";
import { InvalidPlatform, parsePlatform } from "../../image/platform.ts";
import { parseNormalizedNamed, InvalidReference, tagNameOnly } from "../../image/reference.ts";
import { DEFAULT_PATH } from "../../userland/libc/unistd.ts";
import type { ContainerConfig } from "../api/container.ts";
import type { Container } from "../containers/container.ts";
import { parseSignal } from "../containers/verify.ts";
import type { Daemon } from "../daemon.ts";
import { invalidParameter, isFailure, systemError, withContext } from "../errors.ts";
import { piped } from "../images/byte-pipe.ts";
import { commitLayer, createChild } from "../images/commit.ts";
import { shortId } from "../images/files.ts";
import type { Image } from "../images/image-store.ts";
import type { Images } from "../images/images.ts";
import { pullImage } from "../images/pull.ts";
import { type BuildContext, Source } from "./context.ts";
import { type CopyItem, copyItem, findItems, hashOfItems, ownerOf } from "./copy.ts";
import { download, type Download } from "./download.ts";
import { ImageCache } from "./image-cache.ts";
import type { BuildOptions } from "./options.ts";
import { type BuildOutput, StepFailure } from "./output.ts";
import { type Stage, StageResults } from "./stage.ts";
import { StepContainers } from "./step-containers.ts";

/** The image `scratch` is none. */
const NO_BASE = "scratch";
const needsBuildKit = (option: string): Error =>
  systemError(
    `the --${option} option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn how to build images with BuildKit enabled`,
  );

/** Hashes of directories of images, which never change: by image and path. */
export type PathCache = Map<string, string>;

export class ClassicBuild {
  private readonly sys: Sys;
  private readonly cache: ImageCache;
  readonly containers: StepContainers;
  private readonly results = new StageResults();
  private readonly lex: LexOptions;
  /** The client is gone. */
  cancelled = false;

  constructor(
    private readonly daemon: Daemon,
    private readonly images: Images,
    private readonly options: BuildOptions,
    private readonly context: BuildContext,
    private readonly output: BuildOutput,
    private readonly paths: PathCache,
  ) {
    this.sys = daemon.sys;
    this.cache = new ImageCache(images, options.noCache, options.cacheFrom);
    this.containers = new StepContainers(daemon, output, options.hostConfig);
    this.lex = { escape: context.dockerfile.escape, colonOnly: true };
  }

  /** Returns the image's id. Errors: EngineError, StepFailure. Blocks. */
  *run(): Proc<string> {
    if (this.options.platform !== "") worded(() => parsePlatform(this.options.platform));
    const { stages, metaArgs } = this.stages(this.context.dockerfile);
    yield* this.warn(this.context.dockerfile.warnings);
    const total = stages.reduce((sum, stage) => sum + 1 + stage.instructions.length, metaArgs.length);
    let step = 0;
    const announce = function* (this: ClassicBuild, code: string): Proc<void> {
      yield* this.output.stdout(`Step ${++step}/${total} : ${code}`);
      yield* this.output.stdout("\n");
    }.bind(this);
    const args = new BuildArgs(this.options.buildArgs);
    for (const meta of metaArgs) {
      yield* announce(meta.code);
      const expanded = this.expand(meta.command, args.allAllowed());
      if (expanded.kind === "arg") for (const { key, value } of expanded.args) args.addMeta(key, value);
    }
    let last: Stage | undefined;
    for (const source of stages) {
      this.results.checkAvailable(source.name);
      yield* announce(source.code);
      const stage = yield* this.begin(source, args);
      last = stage;
      yield* this.output.stdout(` ---> ${shortId(stage.imageId)}\n`);
      for (const { command, code } of source.instructions) {
        if (this.cancelled || this.output.messages.broken) throw systemError("Build cancelled");
        yield* announce(code);
        yield* this.dispatch(stage, command);
        yield* this.output.stdout(` ---> ${shortId(stage.imageId)}\n`);
      }
      if (stage.imageId !== "") yield* this.output.imageId(stage.imageId);
      args.mergeReferenced(stage.args);
      this.results.add(source.name, stage.imageId);
    }
    const unused = args.unused();
    if (unused.length > 0) yield* this.output.stdout(`[Warning] One or more build-args [${unused.join(" ")}] were not consumed\n`);
    if (last === undefined) throw new BuilderCrash();
    if (last.imageId === "") throw systemError("No image was generated. Is your Dockerfile empty?");
    return last.imageId;
  }

  /** Errors: invalidParameter. */
  private stages(dockerfile: Dockerfile): ReturnType<typeof parseStages> {
    const { target, labels } = this.options;
    try {
      const { stages, metaArgs } = parseStages(dockerfile.nodes);
      const end = target === "" ? stages.length - 1 : findStage(stages, target);
      if (target !== "" && end < 0) throw new InstructionError(`failed to reach build target ${target} in Dockerfile`);
      const wanted = stages.slice(0, end + 1);
      const last = wanted[end];
      if (last !== undefined) wanted[end] = { ...last, instructions: [...last.instructions, ...labelInstructions(labels)] };
      return { stages: wanted, metaArgs };
    } catch (e) {
      if (e instanceof InstructionError) throw invalidParameter(e.message);
      throw e;
    }
  }

  private *warn(warnings: readonly ParseWarning[]): Proc<void> {
    if (warnings.length === 0) return;
    const texts = warnings.map(({ message }) => `[WARNING]: ${message.replace(/: /, ":\n    ")}\n`);
    yield* this.output.stderr(`${texts.join("")}[WARNING]: Empty continuation lines will become errors in a future release.\n`);
  }

  /** Errors: invalidParameter. */
  private expand(command: Command, variables: ReadonlyMap<string, string>): Command {
    return worded(() => expandCommand(command, variables, this.lex));
  }

  // ── FROM ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  private *begin(source: StageSource, args: BuildArgs): Proc<Stage> {
    yield* this.cache.reset();
    const stageArgs = args.forStage();
    const word = (text: string): string => worded(() => expandWord(text, stageArgs.allMeta(), this.lex).result);
    const platform = source.platform === "" ? "" : word(source.platform);
    if (platform !== "") {
      try {
        worded(() => parsePlatform(platform));
      } catch (e) {
        throw withContext(`failed to parse platform ${platform}`, e);
      }
    }
    const name = word(source.base);
    if (name === "") throw systemError(`base name (${source.base}) should not be blank`);
    const image = yield* this.baseImage(name, platform === "" ? this.options.platform : platform);
    const config: Partial<ContainerConfig> = { ...image?.config.config };
    if (!variablesOf(config.Env ?? []).has("PATH")) config.Env = [...(config.Env ?? []), `PATH=${DEFAULT_PATH}`];
    config.OpenStdin = false;
    config.StdinOnce = false;
    const stage: Stage = { imageId: image?.id ?? "", config, maintainer: "", args: stageArgs, cmdSet: false };
    const triggers = config.OnBuild ?? [];
    if (triggers.length > 0) yield* this.trigger(stage, triggers);
    return stage;
  }

  private *trigger(stage: Stage, triggers: readonly string[]): Proc<void> {
    stage.config.OnBuild = null;
    yield* this.output.stdout(`# Executing ${triggers.length} build trigger${triggers.length > 1 ? "s" : ""}`);
    yield* this.output.stdout("\n");
    for (const trigger of triggers) {
      const { nodes } = parseDockerfile(trigger, { heredocs: false });
      const [node] = nodes;
      if (node === undefined || nodes.length !== 1) throw systemError("onbuild trigger should be a single expression");
      let command: Command;
      try {
        command = parseCommand(node);
      } catch (e) {
        if (e instanceof InstructionError) throw systemError(e.message);
        throw e;
      }
      yield* this.dispatch(stage, command);
    }
  }

  /** Undefined is scratch. Errors: those of a pull. */
  private *baseImage(name: string, platform: string): Proc<Image | undefined> {
    const earlier = this.results.byName(name);
    if (earlier !== undefined) return earlier === "" ? undefined : this.images.require(earlier);
    return name === NO_BASE ? undefined : yield* this.imageNamed(name, platform);
  }

  /** One that is here, or else pulled. */
  private *imageNamed(name: string, platform: string): Proc<Image> {
    if (!this.options.pull) {
      try {
        return this.images.require(name);
      } catch (e) {
        if (!isFailure(e)) throw e;
      }
    }
    const reference = referenceOf(name);
    const auth = this.options.auth[reference.domain] ?? {};
    yield* pullImage(this.images, reference, platform === "" ? undefined : parsePlatform(platform), auth, this.output.messages);
    return this.images.require(name);
  }

  // ── Steps ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  private *dispatch(stage: Stage, given: Command): Proc<void> {
    let done = false;
    try {
      const env = stage.config.Env ?? [];
      const variables = new Map([...stage.args.allAllowed(), ...variablesOf(env)]);
      stage.config.Image = stage.imageId;
      const command = given.kind === "expose" ? given : this.expand(given, variables);
      yield* this.act(stage, command.kind === "expose" ? this.expand(command, variables) : command);
      stage.config.Image = stage.imageId;
      done = true;
    } finally {
      if (this.options.forceRemove || (this.options.remove && done)) yield* this.containers.removeAll();
    }
  }

  private *act(stage: Stage, command: Command): Proc<void> {
    switch (command.kind) {
      case "run":
        return yield* this.runStep(stage, command);
      case "copy":
      case "add":
        return yield* this.copyStep(stage, command);
      case "workdir":
        stage.config.WorkingDir = worded(() => resolveWorkdir(stage.config.WorkingDir, command.path));
        // The container's creation makes the directory.
        return yield* this.commitStep(stage, [...shellOf(stage.config), `#(nop) WORKDIR ${stage.config.WorkingDir}`]);
      case "arg": {
        const texts = command.args.map(({ key, value }) => (value === undefined ? key : `${key}=${value}`));
        for (const { key, value } of command.args) stage.args.add(key, value);
        return yield* this.commitStep(stage, [...shellOf(stage.config), "#(nop) ", `ARG ${texts.join(" ")}`]);
      }
      default:
        return yield* this.configStep(stage, command);
    }
  }

  private *configStep(stage: Stage, command: ConfigCommand): Proc<void> {
    if (command.kind === "stopsignal") parseSignal(command.signal);
    const old = stage.config.Healthcheck?.Test ?? [];
    if (command.kind === "healthcheck" && old.length > 0 && old[0] !== "NONE")
      yield* this.output.stdout(`Note: overriding previous HEALTHCHECK: [${old.join(" ")}]\n`);
    if (command.kind === "maintainer") stage.maintainer = command.name;
    const comment = worded(() => applyToConfig(stage.config, command, stage));
    yield* this.commitStep(stage, [...shellOf(stage.config), "#(nop) ", comment]);
  }

  /** A step that runs nothing: its command says in words what it did. */
  private *commitStep(stage: Stage, command: string[]): Proc<void> {
    const config = { ...stage.config, Cmd: command };
    if (yield* this.probe(stage, config)) return;
    const container = yield* this.containers.create(config);
    // As with moby: what the check of the image below says besides stays in the build.
    if (stage.config.Healthcheck != null && container.config.Healthcheck != null) stage.config.Healthcheck = container.config.Healthcheck;
    yield* this.commit(stage, container, container.config);
  }

  /** Whether it was done before. */
  private *probe(stage: Stage, config: Partial<ContainerConfig>): Proc<boolean> {
    const found = yield* this.cache.probe(stage.imageId, config);
    if (found === undefined) return false;
    yield* this.output.stdout(" ---> Using cache\n");
    stage.imageId = found;
    return true;
  }

  private *commit(stage: Stage, container: Container, containerConfig: Partial<ContainerConfig>): Proc<void> {
    stage.imageId = yield* commitLayer(this.images, container.id, container.imageId, {
      author: stage.maintainer,
      comment: "",
      config: stage.config,
      containerConfig,
    });
  }

  private *runStep(stage: Stage, { line, flags }: RunCommand): Proc<void> {
    const [flag] = flags;
    if (flag !== undefined) throw needsBuildKit(flag);
    const { config } = stage;
    const env = config.Env ?? [];
    const command = resolveLine(line, config);
    const variables = stage.args.withoutThoseOf(env);
    const remembered = { ...config, Cmd: stage.args.commandForCache(variables, command), Entrypoint: null };
    if (yield* this.probe(stage, remembered)) return;
    const container = yield* this.containers.create({
      ...config,
      Cmd: command,
      Env: [...env, ...variables],
      Entrypoint: [""],
      Healthcheck: { Test: ["NONE"] },
    });
    const code = yield* this.containers.run(container);
    if (code !== 0) throw new StepFailure(`The command '${command.join(" ")}' returned a non-zero code: ${code}`, code);
    yield* this.commit(stage, container, remembered);
  }

  // ── COPY and ADD ───────────────────────────────────────────────────────────────────────────────────────────────────

  private *copyStep(stage: Stage, command: CopyCommand): Proc<void> {
    if (command.chmod !== "") throw needsBuildKit("chmod");
    const downloads: Download[] = [];
    let lent: string | undefined;
    try {
      let source = this.context.source;
      let image: Image | undefined;
      if (command.from !== "") {
        image = yield* this.copySource(command.from);
        lent = yield* this.daemon.randomHex(32);
        yield* this.images.layers.createBare(lent, image?.chainId || undefined);
        source = new Source(this.sys, yield* this.images.layers.mount(lent));
      }
      const items = yield* this.items(command, source, image, downloads);
      yield* this.copyItems(stage, command, items);
    } finally {
      for (const { close } of downloads) yield* close();
      if (lent !== undefined) yield* this.release(lent);
    }
  }

  private *release(layer: string): Proc<void> {
    const { layers } = this.images;
    yield* layers.unmount(layer);
    yield* layers.removeWritable(layer);
  }

  private *copySource(from: string): Proc<Image | undefined> {
    try {
      const stage = this.results.find(from);
      if (stage !== undefined) return stage === "" ? undefined : this.images.require(stage);
      return yield* this.imageNamed(from, this.options.platform);
    } catch (e) {
      if (!isFailure(e)) throw e;
      throw withContext(`invalid from flag value ${from}`, e);
    }
  }

  private *items(command: CopyCommand, source: Source | undefined, image: Image | undefined, downloads: Download[]): Proc<CopyItem[]> {
    const name = command.kind.toUpperCase();
    const items: CopyItem[] = [];
    try {
      for (const word of command.sources) {
        if (/^https?:\/\//.test(word)) {
          if (command.kind === "copy") throw systemError("source can't be a URL for COPY");
          const fetched = yield* download(this.daemon, word, command.dest, this.output.messages);
          downloads.push(fetched);
          items.push(fetched.item);
          continue;
        }
        if (source === undefined) throw systemError("missing build context");
        items.push(...(yield* this.itemsOf(source, word, image)));
      }
      if (items.length === 0) throw systemError("no source files were specified");
    } catch (e) {
      if (!isFailure(e)) throw e;
      throw withContext(`${name} failed`, e);
    }
    if (items.length > 1 && !command.dest.endsWith("/"))
      throw systemError(`When using ${name} with more than one source file, the destination must be a directory and end with a /`);
    return items;
  }

  /** The files of an image are looked at once. */
  private *itemsOf(source: Source, word: string, image: Image | undefined): Proc<CopyItem[]> {
    const key = image === undefined ? undefined : `${image.id}${word}`;
    const hash = key === undefined ? undefined : this.paths.get(key);
    if (hash !== undefined) return [{ source, path: word, hash }];
    const items = yield* findItems(this.sys, source, word, source === this.context.source);
    const [only] = items;
    if (key !== undefined && only !== undefined && only.path === word.replace(/^\//, "")) this.paths.set(key, only.hash);
    return items;
  }

  private *copyItems(stage: Stage, command: CopyCommand, items: readonly CopyItem[]): Proc<void> {
    const { sys } = this;
    const { layers } = this.images;
    const chown = command.chown === "" ? "" : `--chown=${command.chown}`;
    const comment = `#(nop) ${command.kind.toUpperCase()} ${chown}${hashOfItems(items)} in ${command.dest} `;
    const containerConfig = { ...stage.config, Cmd: [...shellOf(stage.config), comment] };
    if (yield* this.probe(stage, containerConfig)) return;
    const parent = stage.imageId === "" ? undefined : this.images.require(stage.imageId);
    const name = yield* this.daemon.randomHex(32);
    const below = parent?.chainId || undefined;
    yield* layers.createBare(name, below);
    try {
      const root = yield* layers.mount(name);
      try {
        const dest = destinationOf(stage.config.WorkingDir, command.dest);
        const owner = command.chown === "" ? undefined : yield* ownerOf(sys, root, command.chown);
        const keep = command.from !== "" && owner === undefined;
        for (const item of items)
          yield* copyItem(sys, item, {
            root,
            dest,
            owner: keep ? undefined : (owner ?? { uid: 0, gid: 0 }),
            unpack: command.kind === "add",
          });
      } finally {
        yield* layers.unmount(name);
      }
      const layer = yield* piped(
        sys,
        (sink) => layers.packWritable(name, sink),
        (source) => layers.register(source, below),
      );
      try {
        const child = { author: stage.maintainer, comment: "", config: stage.config, containerConfig };
        stage.imageId = yield* createChild(this.images, layer, parent, child, "");
      } finally {
        yield* layers.release(layer);
      }
    } finally {
      yield* layers.removeWritable(name);
    }
  }
}

/** No stage at all: the real builder falls over here, and the connection ends. */
export class BuilderCrash extends Error {}

/** Go's words for what the reading of words and instructions fails with. Errors: invalidParameter. */
function worded<T>(act: () => T): T {
  try {
    return act();
  } catch (e) {
    if (e instanceof LexError || e instanceof InstructionError || e instanceof InvalidPlatform) throw invalidParameter(e.message);
    throw e;
  }
}

/** Of `--label`, in order. */
function labelInstructions(labels: Readonly<Record<string, string>>): Instruction[] {
  return Object.keys(labels)
    .sort()
    .map((key) => {
      const value = labels[key] as string;
      return { command: { kind: "label", pairs: [{ key, value }], verbatim: true }, code: `LABEL ${key}=${value}`, line: 0 };
    });
}

/** Absolute, with the slash at its end. */
function destinationOf(workingDir: string | undefined, dest: string): string {
  if (dest.startsWith("/")) return dest;
  return cleanPath(`/${workingDir ?? ""}/${dest}`) + (dest.endsWith("/") ? "/" : "");
}

function referenceOf(name: string): ReturnType<typeof parseNormalizedNamed> {
  try {
    return tagNameOnly(parseNormalizedNamed(name));
  } catch (e) {
    if (e instanceof InvalidReference) throw invalidParameter(e.message);
    throw e;
  }
}
