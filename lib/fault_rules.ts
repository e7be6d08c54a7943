/**
 * **What.** Which call of a disk fails, when, and how. A rule picks calls by kind and path, lets some of them pass
 * and gives the next ones a fault; the disk is what carries it out. Rules know nothing of files.
 *
 * **Invariants.**
 * 1. Same seed, same rules and same operations: same faults.
 * 2. Every rule counts every operation that it matches, also one that another rule has given a fault.
 * 3. An operation gets the fault of the first rule that has one for it, and the latency of all of them.
 * 4. A rule that can never do what it says is refused when it is added.
 *
 * **Read next.** `durability.ts`
 *
 * @module
 */
import type { Random } from "./random.ts";

/**
 * What was asked of a disk: the name of the call, `sync` for both of its forms.
 *
 * @example Which kinds a put needs
 * ```ts
 * import { open } from "@varve/varve";
 * import { type OperationKind, SimulatedFileSystem } from "@varve/varve/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const fileSystem = new SimulatedFileSystem();
 * await using db = await open("data", { fileSystem });
 * const kinds: OperationKind[] = [];
 * fileSystem.onMutation = ({ kind }) => void kinds.push(kind);
 * await db.put("key", "value");
 * assertEquals(kinds, ["append", "sync"]);
 * ```
 *
 * @category Faults
 */
export type OperationKind =
  | "append"
  | "create"
  | "exists"
  | "list"
  | "lock"
  | "makeDirectory"
  | "open"
  | "openAppend"
  | "read"
  | "remove"
  | "removeDirectory"
  | "rename"
  | "size"
  | "sync"
  | "syncDirectory";

/** Each kind of operation: how error messages call it, and whether it changes the disk or makes a change durable. */
export const OPERATIONS: Readonly<
  Record<OperationKind, { readonly action: string; readonly isMutating: boolean }>
> = {
  append: { action: "append to file", isMutating: true },
  create: { action: "create file", isMutating: true },
  exists: { action: "look for file", isMutating: false },
  list: { action: "list directory", isMutating: false },
  lock: { action: "lock directory", isMutating: true },
  makeDirectory: { action: "create directory", isMutating: true },
  open: { action: "open file", isMutating: false },
  openAppend: { action: "open file for writing", isMutating: false },
  read: { action: "read file", isMutating: false },
  remove: { action: "remove file", isMutating: true },
  removeDirectory: { action: "remove directory", isMutating: true },
  rename: { action: "rename file", isMutating: true },
  size: { action: "read size of file", isMutating: false },
  sync: { action: "sync file", isMutating: true },
  syncDirectory: { action: "sync directory", isMutating: true },
};

/**
 * One call that was made of a disk.
 *
 * @example The power goes at the third change
 * ```ts
 * import { open } from "@varve/varve";
 * import { type Operation, SimulatedFileSystem } from "@varve/varve/testing";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const fileSystem = new SimulatedFileSystem();
 * let last: Operation | undefined;
 * fileSystem.onMutation = (operation) => {
 *   last = operation;
 *   if (fileSystem.mutations === 3) fileSystem.cutPower();
 * };
 * await assertRejects(() => open("data", { fileSystem }), Error, "the power is off");
 * assertEquals([last?.kind, last?.path, last?.isMutating], ["create", "data/MANIFEST-000001", true]);
 * ```
 *
 * @category Faults
 */
export interface Operation {
  /** How many calls came before it. */
  readonly index: number;
  /** Which call it is. */
  readonly kind: OperationKind;
  /** The path, as the caller wrote it; of a rename the new one. */
  readonly path: string;
  /** How many bytes it is about: those to be appended, or those asked for. 0 for all other kinds. */
  readonly bytes: number;
  /** Whether it changes the disk, or makes a change durable. A lock may create its file. */
  readonly isMutating: boolean;
}

/**
 * What goes wrong:
 *
 * - `"error"`: the call throws `IO`, and nothing was done.
 * - `"short"`: an append writes a part of its bytes, and throws.
 * - `"drop"`: a sync throws, and what it was to write counts as clean from the call on, also while the sync is awaited.
 *   Readers still see it, a power cut loses it, and another sync that succeeds does not bring it back, but for what
 *   is in the same sector as a later append. As on Linux, each handle hears of it once: the next sync by another
 *   handle that has the file open throws too.
 * - `"flip"`: a read comes back with one bit changed.
 * - `"misdirect"`: a read comes back with bytes of another place in the file.
 * - `{ latencyMs }`: nothing fails. An awaited sync takes that much longer; on other calls the time is only counted.
 *
 * @example One bit of what is read
 * ```ts
 * import { CorruptionError, open } from "@varve/varve";
 * import { type FaultEffect, SimulatedFileSystem } from "@varve/varve/testing";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const fileSystem = new SimulatedFileSystem();
 * await using db = await open("data", { fileSystem, poolBytes: 0 });
 * await db.put("key", "value");
 * await db.flush();
 * await db.get("key"); // opens the table
 * const effect: FaultEffect = "flip";
 * fileSystem.addFault({ effect, path: /\.ldb$/ });
 * await assertRejects(() => db.get("key"), CorruptionError);
 * assertEquals(await db.get("key"), "value"); // it was read wrongly, and is not damaged
 * ```
 *
 * @category Faults
 */
export type FaultEffect = "error" | "short" | "drop" | "flip" | "misdirect" | {
  /** How much longer it takes, in milliseconds. */
  readonly latencyMs: number;
};

/**
 * When something goes wrong, and what.
 *
 * @example The second sync of a log
 * ```ts
 * import { open, VarveError } from "@varve/varve";
 * import { type FaultRule, SimulatedFileSystem } from "@varve/varve/testing";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const fileSystem = new SimulatedFileSystem();
 * await using db = await open("data", { fileSystem });
 * const rule: FaultRule = { kind: "sync", path: /\.log$/, after: 1 };
 * fileSystem.addFault(rule);
 * await db.put("a", "1");
 * const error = await assertRejects(() => db.put("b", "2"), VarveError);
 * assertEquals(error.code, "IO");
 * await db.resume();
 * await db.put("b", "2");
 * ```
 *
 * @category Faults
 */
export interface FaultRule {
  /**
   * Which calls.
   *
   * @default {every kind that the effect is possible for}
   */
  readonly kind?: OperationKind | readonly OperationKind[];
  /**
   * Which paths, matched against the whole path as the caller wrote it.
   *
   * @default {all}
   */
  readonly path?: RegExp;
  /**
   * How many of those calls pass first.
   *
   * @default {0}
   */
  readonly after?: number;
  /**
   * How many come under the rule then; `Infinity` for all of them.
   *
   * @default {1}
   */
  readonly times?: number;
  /**
   * How likely it is that a call under the rule gets the fault, 0 to 1.
   *
   * @default {1}
   */
  readonly probability?: number;
  /**
   * What goes wrong.
   *
   * @default {"error"}
   */
  readonly effect?: FaultEffect;
}

/**
 * A rule that is in force.
 *
 * @example Until it is removed
 * ```ts
 * import { type ActiveFault, SimulatedFileSystem } from "@varve/varve/testing";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const disk = new SimulatedFileSystem();
 * const fault: ActiveFault = disk.addFault({ kind: "create", times: Infinity });
 * assertThrows(() => disk.create("a"), Error, "Cannot create file: injected fault: a");
 * assertThrows(() => disk.create("b"), Error, "injected fault");
 * fault.remove();
 * disk.create("c").close();
 * assertEquals(fault.hits, 2);
 * ```
 *
 * @category Faults
 */
export interface ActiveFault {
  /** How many calls it has given a fault. */
  readonly hits: number;
  /** Ends it. A second call does nothing. */
  remove(): void;
}

/** What an operation has to suffer. */
export interface Verdict {
  /** What goes wrong with it, if anything does. */
  readonly effect: Exclude<FaultEffect, object> | undefined;
  /** How much longer it takes. */
  readonly latencyMs: number;
}

/** The verdict on almost every operation. */
const UNHARMED: Verdict = { effect: undefined, latencyMs: 0 };

/** The effects that not every kind can have, with the only kind that can. */
const ONLY_FOR: Readonly<Record<string, OperationKind>> = {
  short: "append",
  drop: "sync",
  flip: "read",
  misdirect: "read",
};

const FIELDS: readonly string[] = ["kind", "path", "after", "times", "probability", "effect"];

function checkCount(name: string, value: number): void {
  if (typeof value !== "number") throw new TypeError(`Cannot add fault: ${name} is not a number`);
  if (!(value >= 0) || !(Number.isInteger(value) || value === Infinity)) {
    throw new RangeError(`Cannot add fault: ${name} is not a whole number from 0 on: ${value}`);
  }
}

function checkEffect(effect: unknown): asserts effect is FaultEffect {
  if (typeof effect === "object" && effect !== null) {
    const { latencyMs } = effect as { latencyMs?: unknown };
    if (typeof latencyMs !== "number") {
      throw new TypeError("Cannot add fault: latencyMs is not a number");
    }
    if (!(latencyMs >= 0) || latencyMs === Infinity) {
      throw new RangeError(`Cannot add fault: latencyMs is not a duration: ${latencyMs}`);
    }
  } else if (effect !== "error" && !Object.hasOwn(ONLY_FOR, String(effect))) {
    throw new TypeError(`Cannot add fault: there is no such effect: ${String(effect)}`);
  }
}

/** The kinds that a rule is about, all of which can have its effect. */
function kindsOf(rule: FaultRule, effect: FaultEffect): ReadonlySet<OperationKind> {
  const only = typeof effect === "string" ? ONLY_FOR[effect] : undefined;
  if (rule.kind === undefined) {
    return new Set(only === undefined ? Object.keys(OPERATIONS) as OperationKind[] : [only]);
  }
  const kinds = typeof rule.kind === "string" ? [rule.kind] : rule.kind;
  if (!Array.isArray(kinds)) throw new TypeError("Cannot add fault: kind is not a list of kinds");
  for (const kind of kinds) {
    if (!Object.hasOwn(OPERATIONS, kind)) {
      throw new TypeError(`Cannot add fault: there is no such kind of operation: ${kind}`);
    }
    if (only !== undefined && kind !== only) {
      throw new TypeError(
        `Cannot add fault: the effect ${effect} is for ${only}, which ${kind} is not`,
      );
    }
  }
  return new Set(kinds);
}

/** A rule with its defaults filled in, and how far it has come. */
class Rule implements ActiveFault {
  readonly effect: FaultEffect;
  hits = 0;
  readonly #kinds: ReadonlySet<OperationKind>;
  readonly #path: RegExp | undefined;
  readonly #probability: number;
  /** Which of the matching operations are under the rule: those from the first number to before the second. */
  readonly #from: number;
  readonly #to: number;
  readonly #onRemove: (rule: Rule) => void;
  #seen = 0;

  constructor(rule: FaultRule, onRemove: (rule: Rule) => void) {
    for (const name of Object.keys(rule)) {
      if (!FIELDS.includes(name)) {
        throw new TypeError(`Cannot add fault: a rule has no field of that name: ${name}`);
      }
    }
    const { path, after = 0, times = 1, probability = 1, effect = "error" } = rule;
    if (path !== undefined && !(path instanceof RegExp)) {
      throw new TypeError("Cannot add fault: path is not a regular expression");
    }
    checkCount("after", after);
    checkCount("times", times);
    if (typeof probability !== "number") {
      throw new TypeError("Cannot add fault: probability is not a number");
    }
    if (!(probability >= 0 && probability <= 1)) {
      throw new RangeError(`Cannot add fault: probability is not from 0 to 1: ${probability}`);
    }
    checkEffect(effect);
    this.effect = effect;
    this.#kinds = kindsOf(rule, effect);
    this.#path = path;
    this.#probability = probability;
    this.#from = after;
    this.#to = after + times;
    this.#onRemove = onRemove;
  }

  /** Counts an operation, if the rule is about it, and says whether it is to get the fault. */
  strikes({ kind, path }: Operation, random: Random): boolean {
    // `search` and not `test`, which goes on from the last match if the expression is global.
    if (!this.#kinds.has(kind) || (this.#path && path.search(this.#path) < 0)) return false;
    const seen = this.#seen++;
    if (seen < this.#from || seen >= this.#to) return false;
    if (this.#probability < 1 && random(2 ** 32) >= this.#probability * 2 ** 32) return false;
    return true;
  }

  remove(): void {
    this.#onRemove(this);
  }
}

/**
 * The rules that are in force.
 *
 * @example The second sync of a log fails
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { FaultRules, type OperationKind } from "./fault_rules.ts";
 * import { generator } from "./random.ts";
 *
 * const rules = new FaultRules(generator(1));
 * rules.add({ kind: "sync", path: /\.log$/, after: 1 });
 * const effects = (["append", "sync", "append", "sync", "sync"] as OperationKind[]).map((kind, index) =>
 *   rules.judge({ index, kind, path: "db/000003.log", bytes: 0, isMutating: true }).effect
 * );
 * assertEquals(effects, [undefined, undefined, undefined, "error", undefined]);
 * ```
 */
export class FaultRules {
  readonly #random: Random;
  readonly #rules: Rule[] = [];
  #hits = 0;

  /**
   * Makes a set of rules, with none in it.
   *
   * @param random Where probabilities are drawn from; see `generator`.
   */
  constructor(random: Random) {
    this.#random = random;
  }

  /** How many faults there were so far, of rules still in force or not. */
  get hits(): number {
    return this.#hits;
  }

  /**
   * Puts a rule in force, behind those that are.
   *
   * @param rule The rule.
   * @returns Its count, and how to end it.
   * @throws {TypeError} If the rule has an unknown field, kind or effect, or an effect that its kind cannot have.
   * @throws {RangeError} If a number is out of range.
   */
  add(rule: FaultRule): ActiveFault {
    const added = new Rule(rule, (it) => {
      const at = this.#rules.indexOf(it);
      if (at >= 0) this.#rules.splice(at, 1);
    });
    this.#rules.push(added);
    return added;
  }

  /**
   * Says what an operation has to suffer. To be asked once for each, in order.
   *
   * @param operation What is about to be done.
   * @returns What goes wrong with it.
   */
  judge(operation: Operation): Verdict {
    if (this.#rules.length === 0) return UNHARMED;
    let effect: Verdict["effect"];
    let latencyMs = 0;
    for (const rule of this.#rules) {
      if (!rule.strikes(operation, this.#random)) continue;
      if (typeof rule.effect === "object") latencyMs += rule.effect.latencyMs;
      else if (effect === undefined) effect = rule.effect;
      else continue; // another rule was first
      rule.hits++;
      this.#hits++;
    }
    return { effect, latencyMs };
  }
}
