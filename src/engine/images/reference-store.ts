/** Which name means which image: /var/lib/docker/image/overlay2/repositories.json. moby `reference/store.go`. */

import type { Proc, Sys } from "../../abi/sys.ts";
import {
  familiarName,
  familiarString,
  normalizedString,
  parseNormalizedNamed,
  type Reference,
  tagNameOnly,
  trimNamed,
} from "../../image/reference.ts";
import { conflict, invalidParameter } from "../errors.ts";
import { readJson, writeAtomically } from "../files.ts";
import { Mutex } from "../sync.ts";
import { byBytes } from "./files.ts";
import { goJson, sortKeys } from "./go-json.ts";

export interface Association {
  readonly reference: Reference;
  /** Of the image. */
  readonly id: string;
}

interface Stored {
  readonly Repositories?: Record<string, Record<string, string>>;
}

export class ReferenceStore {
  /** Familiar name → familiar reference → image. */
  private readonly repositories = new Map<string, Map<string, Association>>();
  private readonly lock: Mutex;

  constructor(
    private readonly sys: Sys,
    private readonly path: string,
  ) {
    this.lock = new Mutex(sys);
  }

  *restore(): Proc<void> {
    const stored = yield* readJson<Stored>(this.sys, this.path);
    if (stored === undefined) {
      yield* this.save();
      return;
    }
    for (const references of Object.values(stored.Repositories ?? {}))
      for (const [text, id] of Object.entries(references)) this.put({ reference: parseNormalizedNamed(text), id });
  }

  private put(association: Association): void {
    const name = familiarName(association.reference);
    const repository = this.repositories.get(name) ?? new Map<string, Association>();
    repository.set(familiarString(association.reference), association);
    this.repositories.set(name, repository);
  }

  /** The image that a reference means; with neither tag nor digest, the tag `latest`. */
  get(reference: Reference): string | undefined {
    const wanted = stored(reference);
    return this.repositories.get(familiarName(wanted))?.get(familiarString(wanted))?.id;
  }

  /** All references to an image, sorted. */
  references(id: string): Reference[] {
    const found: Reference[] = [];
    for (const repository of this.repositories.values())
      for (const association of repository.values()) if (association.id === id) found.push(association.reference);
    return found.sort((a, b) => byBytes(normalizedString(a), normalizedString(b)));
  }

  /** All of one repository, sorted. */
  byName(reference: Reference): Association[] {
    const all = [...(this.repositories.get(familiarName(reference))?.values() ?? [])];
    return all.sort((a, b) => byBytes(normalizedString(a.reference), normalizedString(b.reference)));
  }

  /** Adds or moves a tag. Errors: invalidParameter for a digest, and for the name `sha256`. */
  *addTag(reference: Reference, id: string): Proc<void> {
    if (reference.digest !== undefined) throw invalidParameter("refusing to create a tag with a digest reference");
    yield* this.add(tagNameOnly(reference), id);
  }

  /** Errors: conflict where the digest means another image. */
  *addDigest(reference: Reference, id: string): Proc<void> {
    yield* this.add(stored(reference), id);
  }

  private *add(reference: Reference, id: string): Proc<void> {
    if (familiarName(reference) === "sha256") throw invalidParameter("refusing to create an ambiguous tag using digest algorithm as name");
    const old = this.get(reference);
    if (old === id) return;
    if (old !== undefined && reference.digest !== undefined) throw conflict(`Cannot overwrite digest ${reference.digest}`);
    this.put({ reference, id });
    yield* this.save();
  }

  /** Returns whether it was there. */
  *delete(reference: Reference): Proc<boolean> {
    const wanted = stored(reference);
    const name = familiarName(wanted);
    const repository = this.repositories.get(name);
    if (repository?.delete(familiarString(wanted)) !== true) return false;
    if (repository.size === 0) this.repositories.delete(name);
    yield* this.save();
    return true;
  }

  private *save(): Proc<void> {
    yield* this.lock.hold(() => this.write());
  }

  /** What is written is what holds when it is written: of two changes at once the later one writes both. */
  private *write(): Proc<void> {
    const repositories: Record<string, Record<string, string>> = {};
    for (const [name, repository] of this.repositories) {
      const texts = [...repository].map(([text, { id }]) => [text, id] as const);
      repositories[name] = sortKeys(Object.fromEntries(texts));
    }
    yield* writeAtomically(this.sys, this.path, goJson({ Repositories: sortKeys(repositories) }), 0o600);
  }
}

/** As it is kept: a digest without the tag, or a tag. */
function stored(reference: Reference): Reference {
  return reference.digest === undefined ? tagNameOnly(reference) : { ...trimNamed(reference), digest: reference.digest };
}
