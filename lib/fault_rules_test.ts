import { assert, assertEquals, assertThrows } from "@std/assert";
import { type FaultRule, FaultRules, type OperationKind, OPERATIONS } from "./fault_rules.ts";
import { generator } from "./random.ts";

/** What a disk would ask about, one after the other. */
function judge(rules: FaultRules, kinds: readonly OperationKind[], path = "db/000003.log") {
  return kinds.map((kind, index) =>
    rules.judge({ index, kind, path, bytes: 0, isMutating: OPERATIONS[kind].isMutating })
  );
}

function effects(rule: FaultRule, kinds: readonly OperationKind[], path?: string) {
  const rules = new FaultRules(generator(1));
  rules.add(rule);
  return judge(rules, kinds, path).map(({ effect }) => effect);
}

const fiveSyncs: OperationKind[] = ["sync", "sync", "sync", "sync", "sync"];
const ok = undefined;

Deno.test("a rule without fields fails the next call, whatever it is, once", () => {
  for (const kind of Object.keys(OPERATIONS) as OperationKind[]) {
    assertEquals(effects({}, [kind, kind]), ["error", ok]);
  }
});

Deno.test("a rule is about the kinds that it names, and no others", () => {
  assertEquals(effects({ kind: "sync" }, ["append", "sync", "sync"]), [ok, "error", ok]);
  const either: FaultRule = { kind: ["sync", "rename"], times: 3 };
  const kinds: OperationKind[] = ["rename", "append", "sync", "rename", "sync"];
  assertEquals(effects(either, kinds), ["error", ok, "error", "error", ok]);
  assertEquals(effects({ kind: [] }, kinds), [ok, ok, ok, ok, ok]);
});

Deno.test("a rule is about the paths that its expression is found in", () => {
  const rule = { path: /\.log$/ };
  assertEquals(effects(rule, ["append"], "db/000003.log"), ["error"]);
  assertEquals(effects(rule, ["append"], "db/000003.ldb"), [ok]);
  assertEquals(effects(rule, ["append"], "a.log/000003.ldb"), [ok]);
  assertEquals(effects({ path: /^db\// }, ["append"], "db/CURRENT"), ["error"]);
});

Deno.test("an expression that keeps its place matches every call all the same", () => {
  const expected = ["error", "error", "error", "error", "error"] as const;
  assertEquals(effects({ path: /log/g, times: 5 }, fiveSyncs), [...expected]);
});

Deno.test("after lets calls pass, and times says how many fail then", () => {
  assertEquals(effects({ after: 2 }, fiveSyncs), [ok, ok, "error", ok, ok]);
  assertEquals(effects({ after: 1, times: 2 }, fiveSyncs), [ok, "error", "error", ok, ok]);
  assertEquals(effects({ after: 3, times: Infinity }, fiveSyncs), [ok, ok, ok, "error", "error"]);
  assertEquals(effects({ times: 0 }, fiveSyncs), [ok, ok, ok, ok, ok]);
  const mixed: OperationKind[] = ["sync", "append", "append", "sync", "sync"];
  assertEquals(effects({ kind: "sync", after: 1 }, mixed), [ok, ok, ok, "error", ok]);
});

Deno.test("probability decides for each call under the rule, from the seed", () => {
  const run = (seed: number, probability: number, times: number) => {
    const rules = new FaultRules(generator(seed));
    const rule = rules.add({ probability, times });
    const syncs = new Array<OperationKind>(1000).fill("sync");
    return { failed: judge(rules, syncs).map(({ effect }) => effect), hits: rule.hits };
  };
  const { failed, hits } = run(5, 0.3, Infinity);
  assert(hits > 240 && hits < 360, String(hits));
  assertEquals(failed.filter((effect) => effect === "error").length, hits);
  assertEquals(run(5, 0.3, Infinity), { failed, hits }); // invariant 1
  assert(run(6, 0.3, Infinity).failed.some((effect, i) => effect !== failed[i]));
  assertEquals(run(5, 0, Infinity).hits, 0);
  assertEquals(run(5, 1, Infinity).hits, 1000);
  // Under the rule are the next ten calls, whether they get the fault or not.
  assertEquals(run(5, 0.5, 10).failed.slice(10).filter(Boolean), []);
});

Deno.test("effects go to the only kind that can have them when the rule names none", () => {
  const kinds: OperationKind[] = ["append", "sync", "read"];
  assertEquals(effects({ effect: "short" }, kinds), ["short", ok, ok]);
  assertEquals(effects({ effect: "drop" }, kinds), [ok, "drop", ok]);
  assertEquals(effects({ effect: "flip" }, kinds), [ok, ok, "flip"]);
  assertEquals(effects({ effect: "misdirect" }, kinds), [ok, ok, "misdirect"]);
});

Deno.test("each rule counts what it matches, also what another one has failed (invariant 2)", () => {
  const rules = new FaultRules(generator(1));
  rules.add({ kind: "sync" });
  rules.add({ after: 1, effect: "drop" });
  assertEquals(judge(rules, fiveSyncs).map(({ effect }) => effect), ["error", "drop", ok, ok, ok]);
});

Deno.test("the first rule with a fault wins, latencies add up, hits say who struck (invariant 3)", () => {
  const rules = new FaultRules(generator(1));
  const slow = rules.add({ effect: { latencyMs: 5 }, times: 2 });
  const first = rules.add({ kind: "sync", effect: "drop" });
  const second = rules.add({ kind: "sync" });
  const slower = rules.add({ effect: { latencyMs: 20 } });
  assertEquals(judge(rules, ["sync", "sync", "sync"]), [
    { effect: "drop", latencyMs: 25 },
    { effect: ok, latencyMs: 5 },
    { effect: ok, latencyMs: 0 },
  ]);
  assertEquals([slow.hits, first.hits, second.hits, slower.hits], [2, 1, 0, 1]);
  assertEquals(rules.hits, 4);
});

Deno.test("remove() ends a rule, once, and leaves its count", () => {
  const rules = new FaultRules(generator(1));
  const one = rules.add({ times: Infinity });
  const other = rules.add({ kind: "rename", times: Infinity });
  judge(rules, ["sync", "sync"]);
  one.remove();
  one.remove();
  assertEquals(judge(rules, ["sync", "rename"]).map(({ effect }) => effect), [ok, "error"]);
  assertEquals([one.hits, other.hits, rules.hits], [2, 1, 3]);
});

Deno.test("a rule that makes no sense is refused when it is added (invariant 4)", () => {
  const rules = new FaultRules(generator(1));
  const refuse = (rule: unknown, error: typeof TypeError | typeof RangeError, what: string) => {
    assertThrows(() => rules.add(rule as FaultRule), error, `Cannot add fault: ${what}`);
  };
  refuse({ kind: "fsync" }, TypeError, "there is no such kind of operation: fsync");
  refuse({ kind: ["sync", "toString"] }, TypeError, "there is no such kind of operation: toString");
  refuse({ kind: 7 }, TypeError, "kind is not a list of kinds");
  refuse({ path: "log" }, TypeError, "path is not a regular expression");
  for (const name of ["after", "times"]) {
    refuse({ [name]: -1 }, RangeError, `${name} is not a whole number from 0 on: -1`);
    refuse({ [name]: 0.5 }, RangeError, `${name} is not a whole number from 0 on: 0.5`);
    refuse({ [name]: NaN }, RangeError, `${name} is not a whole number from 0 on: NaN`);
    refuse({ [name]: "1" }, TypeError, `${name} is not a number`);
  }
  refuse({ probability: 1.1 }, RangeError, "probability is not from 0 to 1: 1.1");
  refuse({ probability: -0.1 }, RangeError, "probability is not from 0 to 1: -0.1");
  refuse({ probability: NaN }, RangeError, "probability is not from 0 to 1: NaN");
  refuse({ probability: "1" }, TypeError, "probability is not a number");
  refuse({ effect: "explode" }, TypeError, "there is no such effect: explode");
  refuse({ effect: null }, TypeError, "there is no such effect: null");
  refuse({ effect: {} }, TypeError, "latencyMs is not a number");
  refuse({ effect: { latencyMs: -1 } }, RangeError, "latencyMs is not a duration: -1");
  refuse({ effect: { latencyMs: Infinity } }, RangeError, "latencyMs is not a duration: Infinity");
  refuse({ kind: "sync", effect: "short" }, TypeError, "the effect short is for append");
  refuse({ kind: ["read", "sync"], effect: "flip" }, TypeError, "the effect flip is for read");
  refuse({ time: 3 }, TypeError, "a rule has no field of that name: time");
  assertEquals(judge(rules, ["sync"]), [{ effect: ok, latencyMs: 0 }]); // none of them came in force
});
