/**
 * **What.** The reference is whole: every symbol of the entry points is described, is in a category and has an
 * example that can be pasted as a script; parameters, results and errors are told; links lead somewhere. Read from what
 * `deno doc` reads, so the published pages can say no less. That the examples run is seen to by `deno test --doc`.
 *
 * **Invariants.**
 * 1. Every finding names a file and a line.
 * 2. A method may leave its parameters to another one: `putSync` to `put`, by "As" and a link to it, and a class to an
 *    interface that it implements and links to.
 *
 * **Read next.** `docs_test.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join, toFileUrl } from "@std/path";
import { inProcesses } from "./permissions.ts";

const root = new URL("../", import.meta.url);

/** The entry points, each with what a program imports it as. */
const ENTRIES: Readonly<Record<string, string>> = {
  "mod.ts": "@varve/varve",
  "lib/level.ts": "@varve/varve/level",
  "lib/kv.ts": "@varve/varve/kv",
  "lib/telemetry.ts": "@varve/varve/telemetry",
  "lib/cli.ts": "@varve/varve/cli",
  "lib/simulated_file_system.ts": "@varve/varve/testing",
  "lib/doctor.ts": "@varve/varve/doctor",
};

const CATEGORIES: ReadonlySet<string> = new Set([
  "Codecs",
  "Command",
  "Deno KV",
  "Disks",
  "Errors",
  "Events",
  "Faults",
  "Level",
  "Maintenance",
  "Opening",
  "Reading",
  "Statistics",
  "Writing",
]);

// ——— What `deno doc --json` gives, as far as it is of use here ———

interface Tag {
  readonly kind: string;
  readonly name?: string;
  readonly doc?: string;
  readonly tsType?: { readonly repr: string };
}

interface Doc {
  readonly doc?: string;
  readonly tags?: readonly Tag[];
}

interface Location {
  readonly filename: string;
  /** Counted from 0. */
  readonly line: number;
}

interface TypeRepr {
  readonly repr: string;
  readonly kind: string;
  readonly value?: { readonly typeParams?: readonly TypeRepr[] } | string;
}

interface Param {
  readonly kind: string;
  readonly name?: string;
  readonly left?: Param;
  readonly arg?: Param;
}

interface Callable {
  readonly params?: readonly Param[];
  readonly returnType?: TypeRepr;
  readonly typeParams?: readonly { readonly name: string }[];
}

interface Member extends Callable {
  readonly name: string;
  readonly kind?: string;
  readonly jsDoc?: Doc;
  readonly location: Location;
  readonly accessibility?: string;
  readonly functionDef?: Callable;
}

interface Declaration {
  readonly kind: string;
  readonly jsDoc?: Doc;
  readonly location: Location;
  readonly def: Callable & {
    readonly methods?: readonly Member[];
    readonly properties?: readonly Member[];
    readonly constructors?: readonly Member[];
    readonly implements?: readonly TypeRepr[];
    readonly target?: Location;
  };
}

interface Entry {
  readonly module_doc?: Doc;
  readonly symbols: readonly {
    readonly name: string;
    readonly declarations: readonly Declaration[];
  }[];
}

type Reference = Readonly<Record<string, Entry>>;

async function readReference(files: readonly string[]): Promise<Reference> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", ...files],
    cwd: root,
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)).nodes;
}

// ——— The rules ———

/** Looks through a reference, and collects what is missing in it. */
class Inspection {
  readonly findings: string[] = [];
  readonly #reference: Reference;
  /** The declarations by name, and the members of each. */
  readonly #symbols = new Map<string, Declaration>();
  readonly #documented = new Set<string>();

  constructor(reference: Reference) {
    this.#reference = reference;
    for (const { symbols } of Object.values(reference)) {
      for (const { name, declarations } of symbols) {
        for (const declaration of declarations) {
          if (declaration.kind === "reference") continue;
          this.#symbols.set(name, declaration);
          this.#documented.add(placeOf(declaration.location));
        }
      }
    }
  }

  run(entries: Readonly<Record<string, string>>): this {
    for (const [url, { module_doc, symbols }] of Object.entries(this.#reference)) {
      const place = `${nameOf(url)}:1`;
      const specifier = entries[nameOf(url)];
      if (!programsIn(module_doc?.doc).some((it) => it.includes(`from "${specifier}"`))) {
        this.#report(place, "module", `has no program that imports ${specifier}`);
      }
      this.#checkLinks(place, "module", module_doc);
      for (const { name, declarations } of symbols) {
        for (const declaration of declarations) this.#checkSymbol(name, declaration);
      }
    }
    return this;
  }

  #report(place: string, name: string, what: string): void {
    this.findings.push(`${place}: ${name}: ${what}`);
  }

  #checkSymbol(name: string, { kind, jsDoc, location, def }: Declaration): void {
    const place = placeOf(location);
    if (kind === "reference") {
      const isThere = def.target !== undefined && this.#documented.has(placeOf(def.target));
      if (!isThere) this.#report(place, name, "is of a file that no entry point documents");
      return;
    }
    this.#checkDescription(place, name, jsDoc);
    const categories = tagsOf(jsDoc, "category").map(({ doc = "" }) => doc.trim());
    if (categories.length !== 1 || !CATEGORIES.has(categories[0]!)) {
      this.#report(place, name, `is in no category, or not in one of the list: "${categories}"`);
    }
    if (tagsOf(jsDoc, "example").length === 0) this.#report(place, name, "has no example");
    if (kind === "function") this.#checkCall(place, name, jsDoc, def);
    else this.#checkTypeParams(place, name, jsDoc, def);
    for (const member of def.constructors ?? []) {
      this.#checkMember(name, { ...member, name: "constructor" }, jsDoc, def);
    }
    for (const member of [...def.properties ?? [], ...def.methods ?? []]) {
      this.#checkMember(name, member, jsDoc, def);
    }
  }

  #checkMember(owner: string, member: Member, ownerDoc: Doc | undefined, def: Declaration["def"]) {
    if (member.accessibility === "private" || member.name.startsWith("[")) return;
    if (member.kind === "setter") return; // the getter has said it
    const [place, name] = [placeOf(member.location), `${owner}.${member.name}`];
    this.#checkDescription(place, name, member.jsDoc);
    const isCalled = member.kind === "method" || member.name === "constructor";
    if (!isCalled || this.#isToldElsewhere(member, ownerDoc, def)) return;
    this.#checkCall(place, name, member.jsDoc, member.functionDef ?? member);
  }

  /** Whether another method says what it takes, gives and throws. */
  #isToldElsewhere(
    { name, jsDoc }: Member,
    ownerDoc: Doc | undefined,
    def: Declaration["def"],
  ): boolean {
    const twin = /^As \{@linkcode (\w+)\.(\w+)\}/.exec(jsDoc?.doc ?? "");
    if (twin) return this.#hasMember(twin[1]!, twin[2]!);
    return (def.implements ?? []).some(({ repr }) =>
      this.#hasMember(repr, name) && (ownerDoc?.doc ?? "").includes(`{@linkcode ${repr}}`)
    );
  }

  #checkDescription(place: string, name: string, doc: Doc | undefined): void {
    if (!/\w/.test(doc?.doc ?? "")) this.#report(place, name, "has no description");
    if (doc?.doc?.includes("@default")) {
      this.#report(
        place,
        name,
        "has its default within the text: put the tag on a line of its own",
      );
    }
    this.#checkLinks(place, name, doc);
    for (const { doc: text = "" } of tagsOf(doc, "example")) {
      const title = text.split("\n", 1)[0]!;
      if (!/\w/.test(title) || title.startsWith("```")) {
        this.#report(place, name, "has an example without a title");
      }
      const [program] = programsIn(text);
      if (program === undefined) this.#report(place, name, `has no program in "${title}"`);
      else this.#checkProgram(place, name, program);
    }
    for (const { tsType, doc: text } of tagsOf(doc, "throws")) {
      const type = tsType?.repr ?? "";
      if (!(type in globalThis) && !this.#symbols.has(type)) {
        this.#report(place, name, `throws what is not there: "${type}"`);
      }
      if (!/\w/.test(text ?? "")) this.#report(place, name, `does not say when it throws ${type}`);
    }
  }

  /** An example shows something that holds, and needs nothing that a program elsewhere has not. */
  #checkProgram(place: string, name: string, program: string): void {
    if (!/\bassert\w*\(/.test(program)) {
      this.#report(place, name, "has an example without assertion");
    }
    for (const [, specifier] of program.matchAll(/\bfrom "([^"]+)"/g)) {
      if (/^(@std\/|@varve\/varve($|\/))/.test(specifier!)) continue;
      this.#report(place, name, `has an example that imports "${specifier}"`);
    }
    const names = [...program.matchAll(/import \{([^}]*)\} from "@varve/g)].flatMap((match) =>
      match[1]!.split(",").map((it) => it.trim().replace(/^type /, ""))
    );
    for (
      const unused of names.filter((it) => program.split(new RegExp(`\\b${it}\\b`)).length < 3)
    ) {
      this.#report(place, name, `has an example that imports ${unused} and does not use it`);
    }
  }

  #checkCall(place: string, name: string, doc: Doc | undefined, call: Callable): void {
    const told = tagsOf(doc, "param");
    // One that is taken apart where it is declared has no name but the one that it is told by.
    const names = (call.params ?? []).map((param, at) =>
      param.name ?? param.left?.name ?? param.arg?.name ?? told[at]?.name ?? String(at + 1)
    );
    for (const paramName of names) {
      if (told.some((it) => it.name === paramName && /\w/.test(it.doc ?? ""))) continue;
      this.#report(place, name, `does not say what its parameter ${paramName} is`);
    }
    for (const toldName of told.map((it) => it.name ?? "").filter((it) => !names.includes(it))) {
      this.#report(place, name, `tells of a parameter that it does not have: ${toldName}`);
    }
    const returns = tagsOf(doc, "return").some((it) => /\w/.test(it.doc ?? ""));
    if (givesSomething(call.returnType) && !returns) {
      this.#report(place, name, "does not say what it returns");
    }
    // A method's own type parameters are those of the options that it takes; a function has to say.
    if (!name.includes(".")) this.#checkTypeParams(place, name, doc, call);
  }

  #checkTypeParams(place: string, name: string, doc: Doc | undefined, def: Callable): void {
    for (const param of def.typeParams ?? []) {
      if (tagsOf(doc, "template").some((it) => it.name === param.name && it.doc)) continue;
      this.#report(place, name, `does not say what its type parameter ${param.name} is`);
    }
  }

  #checkLinks(place: string, name: string, doc: Doc | undefined): void {
    const texts = [doc?.doc, ...(doc?.tags ?? []).map((tag) => tag.doc)];
    for (const text of texts) {
      for (const [, link] of (text ?? "").matchAll(/\{@link(?:code|plain)?\s+([^\s|}]+)/g)) {
        if (/^https?:/.test(link!)) continue;
        const [symbol, ...path] = link!.split(".");
        // The pages know a member of a class by `prototype` only. The heads of files are read in the source.
        const isClass = this.#symbols.get(symbol!)?.kind === "class" && name !== "module";
        const member = isClass && path[0] === "prototype" ? path[1] : isClass ? "" : path[0];
        const isThere = path.length === 0
          ? this.#symbols.has(symbol!)
          : this.#hasMember(symbol!, member ?? "");
        if (!isThere) this.#report(place, name, `has a link to nothing: ${link}`);
      }
    }
  }

  #hasMember(symbol: string, member: string): boolean {
    const def = this.#symbols.get(symbol)?.def;
    return [...def?.properties ?? [], ...def?.methods ?? []].some(({ name }) => name === member);
  }
}

function tagsOf(doc: Doc | undefined, kind: string): Tag[] {
  return (doc?.tags ?? []).filter((tag) => tag.kind === kind);
}

/** The programs in a text, those that are run: not the ones marked `ignore`. */
function programsIn(text: string | undefined): string[] {
  return [...(text ?? "").matchAll(/^```ts\n([^]*?)^```$/gm)].map((match) => match[1]!);
}

function givesSomething(type: TypeRepr | undefined): boolean {
  if (type === undefined || type.repr === "void") return false;
  const inner = typeof type.value === "object" ? type.value.typeParams?.[0] : undefined;
  return !(type.repr === "Promise" && inner?.repr === "void");
}

function nameOf(url: string): string {
  return url.startsWith(root.href) ? url.slice(root.href.length) : url.split("/").at(-1)!;
}

function placeOf({ filename, line }: Location): string {
  return `${nameOf(filename)}:${line + 1}`;
}

Deno.test(
  "the reference tells of every symbol, by example, and of all it takes",
  inProcesses,
  async () => {
    const reference = await readReference(Object.keys(ENTRIES));
    assertEquals(Object.keys(reference).map(nameOf).sort(), Object.keys(ENTRIES).sort());
    const count = Object.values(reference).flatMap(({ symbols }) => symbols).length;
    assert(count > 60, `${count} symbols`);
    assertEquals(new Inspection(reference).run(ENTRIES).findings, []);
  },
);

const FAULTY = `/**
 * A module without a program. See {@linkcode Nothing}.
 *
 * @module
 */

/**
 * What it is. @default {2}
 *
 * @example
 * \`\`\`ts
 * import { open } from "../mod.ts";
 * import { verify } from "@varve/varve";
 * console.log(1);
 * \`\`\`
 *
 * @category Sundries
 */
export interface Options<K> {
  key: K;
  /** As {@linkcode Options.nowhere}. */
  twin(key: K): K;
}
/**
 * Its {@linkcode Kind.size} is {@linkcode Kind.prototype.size}.
 *
 * @example A program that holds
 * \`\`\`ts
 * assert(true);
 * \`\`\`
 *
 * @category Errors
 */
export class Kind {
  /** How large it is. */
  size = 1;
}
/**
 * A function.
 *
 * @example A program that is not run
 * \`\`\`ts ignore
 * assert(true);
 * \`\`\`
 *
 * @param other Which it does not have.
 * @throws {Mistake}
 * @category Opening
 */
export async function call(key: string): Promise<string> {
  return await Promise.resolve(key);
}
export const bare = 1;
`;

Deno.test(
  "what is missing in a reference is found, with its file and line",
  inProcesses,
  async () => {
    const directory = await Deno.makeTempDir({ prefix: "varve_reference_" });
    try {
      const file = join(directory, "faulty.ts");
      await Deno.writeTextFile(file, FAULTY);
      const reference = await readReference([fromFileUrl(toFileUrl(file))]);
      const { findings } = new Inspection(reference).run({ "faulty.ts": "@varve/faulty" });
      assertEquals(findings, [
        "faulty.ts:1: module: has no program that imports @varve/faulty",
        "faulty.ts:1: module: has a link to nothing: Nothing",
        "faulty.ts:19: Options: has its default within the text: put the tag on a line of its own",
        "faulty.ts:19: Options: has an example without a title",
        "faulty.ts:19: Options: has an example without assertion",
        'faulty.ts:19: Options: has an example that imports "../mod.ts"',
        "faulty.ts:19: Options: has an example that imports verify and does not use it",
        'faulty.ts:19: Options: is in no category, or not in one of the list: "Sundries"',
        "faulty.ts:19: Options: does not say what its type parameter K is",
        "faulty.ts:20: Options.key: has no description",
        "faulty.ts:22: Options.twin: has a link to nothing: Options.nowhere",
        "faulty.ts:22: Options.twin: does not say what its parameter key is",
        "faulty.ts:22: Options.twin: does not say what it returns",
        "faulty.ts:34: Kind: has a link to nothing: Kind.size",
        'faulty.ts:50: call: has no program in "A program that is not run"',
        'faulty.ts:50: call: throws what is not there: "Mistake"',
        "faulty.ts:50: call: does not say when it throws Mistake",
        "faulty.ts:50: call: does not say what its parameter key is",
        "faulty.ts:50: call: tells of a parameter that it does not have: other",
        "faulty.ts:50: call: does not say what it returns",
        "faulty.ts:53: bare: has no description",
        'faulty.ts:53: bare: is in no category, or not in one of the list: ""',
        "faulty.ts:53: bare: has no example",
      ]);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);
