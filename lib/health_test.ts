/**
 * When writes are refused and when they are taken again, with steps that only take notes.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { CorruptionError, VarveError } from "./errors.ts";
import { Health } from "./health.ts";

/** A health, and what was heard of it. */
class Patient {
  readonly notes: string[] = [];
  readonly health: Health;

  constructor(readOnly = false) {
    const logger = {
      log: (level: string, _: string, message: string) =>
        void this.notes.push(`${level} ${message}`),
    };
    const subject = { directory: "db", readOnly, logger, onEvent: undefined, now: () => 0 };
    this.health = new Health(subject, ({ message }) => void this.notes.push(`stop: ${message}`));
  }

  /** Resumes by some steps, each of them a note or an error to be thrown. */
  resume(...steps: (string | Error | (() => void))[]): Promise<void> {
    const notes = this.notes;
    function* heal(): Generator<void> {
      for (const step of steps) {
        if (step instanceof Error) throw step;
        if (typeof step === "function") step();
        else notes.push(step);
        yield;
      }
    }
    return this.health.resume(heal, async () => {
      await undefined;
      notes.push("turn");
    });
  }
}

const diskFull = () => new VarveError("IO", "Cannot append to file: disk full: db/000003.log");

Deno.test("From a failure on every write is refused, with the failure as its cause (invariant 1)", () => {
  const { health, notes } = new Patient();
  health.assertWritable();
  const cause = diskFull();
  const failure = health.fail("write to the log", cause);
  assertStrictEquals(failure.cause, cause);
  assertEquals(failure.message, "Cannot write to the log: " + cause.message);
  for (let i = 0; i < 2; i++) {
    const refusal = assertThrows(() => health.assertWritable(), VarveError, "disk full");
    assertEquals(refusal.code, "IO");
    assertStrictEquals(refusal.cause, failure);
    assert(
      refusal.message.endsWith("; once its cause is gone, resume() or open it again to recover"),
    );
  }
  assertEquals(notes, [`error ${failure.message}`, `stop: ${failure.message}`]);
});

Deno.test("Writes are refused until the last step of a resume is done (invariant 1)", async () => {
  const patient = new Patient();
  const { health, notes } = patient;
  health.fail("write to the log", diskFull());
  notes.length = 0;
  const isRefused = () => {
    assertThrows(() => health.assertWritable(), VarveError, "disk full");
    notes.push("refused");
  };
  await patient.resume("one", isRefused, "three");
  health.assertWritable();
  assertEquals(health.failure, undefined);
  assertEquals(notes, [
    ...["turn", "one", "turn", "refused", "turn", "three", "turn"],
    "info db takes writes again",
  ]);
});

Deno.test("What is thrown that is no VarveError is IO", () => {
  for (const [cause, message] of [[new RangeError("odd"), "odd"], ["text", "text"]]) {
    const failure = new Patient().health.fail("flush", cause);
    assertEquals([failure.code, failure.message], ["IO", `Cannot flush: ${message}`]);
  }
});

Deno.test("The first failure is the one that is reported (invariant 2)", () => {
  const { health, notes } = new Patient();
  const first = health.fail("flush", new Error("one"));
  const second = health.fail("sync the log", new Error("two"));
  assertEquals(second.message, "Cannot sync the log: two");
  assertStrictEquals(health.failure, first);
  assertEquals(notes.length, 2);
});

Deno.test("A step that fails, or is reported to have failed, ends the resume (invariant 2)", async () => {
  for (const how of ["throws", "throws a reported one", "reports", "reports between"] as const) {
    const patient = new Patient();
    const { health, notes } = patient;
    health.fail("flush", new Error("one"));
    notes.length = 0;
    let reported: VarveError | undefined;
    const resuming = patient.resume("first", () => {
      if (how === "throws") throw new Error("two");
      const report = () => void (reported = health.fail("resume", new Error("two")));
      if (how === "reports between") queueMicrotask(report);
      else report();
      if (how === "throws a reported one") throw reported;
    }, "never");
    const error = await assertRejects(() => resuming, VarveError, "Cannot resume: two");
    assertStrictEquals(health.failure, error);
    if (reported !== undefined) assertStrictEquals(error, reported);
    const refusal = assertThrows(() => health.assertWritable(), VarveError, "two");
    assertStrictEquals(refusal.cause, error);
    assertEquals(notes.filter((note) => note === "never"), []);
    assertEquals(notes.filter((note) => note.startsWith("stop")), ["stop: Cannot resume: two"]);
    await patient.resume("again"); // it may be tried as often as one likes
    health.assertWritable();
  }
});

Deno.test("Who asks while a resume is under way waits for the same one (invariant 3)", async () => {
  const patient = new Patient();
  patient.health.fail("flush", new Error("one"));
  const first = patient.resume("first's");
  assertStrictEquals(patient.resume("second's"), first);
  await first;
  assert(patient.notes.includes("first's") && !patient.notes.includes("second's"));

  patient.health.fail("flush", new Error("one"));
  const failing = [patient.resume(new Error("two")), patient.resume("second's")];
  for (const resuming of failing) await assertRejects(() => resuming, VarveError, "two");
  await patient.health.settled();
  await patient.resume("third's");
  assert(patient.notes.includes("third's") && !patient.notes.includes("second's"));
});

Deno.test("Damage is not healed, nor what failed for good, whenever it came (invariant 4)", async () => {
  const damage = new CorruptionError("block checksum mismatch", "db/000005.ldb", 77);
  const kinds: ((health: Health) => void)[] = [
    (health) => health.fail("compact", damage),
    (health) => health.failForGood("add to the memtable", new Error("odd")),
    (health) => {
      health.fail("flush", new Error("one"));
      health.fail("compact", damage);
    },
  ];
  for (const fail of kinds) {
    const patient = new Patient();
    fail(patient.health);
    const code = patient.health.failure!.code;
    for (let i = 0; i < 2; i++) {
      const error = await assertRejects(() => patient.resume("never"), VarveError);
      assertEquals(error.code, code);
      assertStrictEquals(error.cause, patient.health.failure);
      assert(error.message.endsWith("; open it again to recover"), error.message);
    }
    assert(!patient.notes.includes("never"));
  }
});

Deno.test("Damage that a step meets ends all further ones (invariant 4)", async () => {
  const patient = new Patient();
  patient.health.fail("flush", new Error("one"));
  const damage = new CorruptionError("block checksum mismatch", "db/000005.ldb", 77);
  const error = await assertRejects(() => patient.resume(damage), VarveError, "checksum mismatch");
  assertEquals(error.code, "CORRUPTION");
  await assertRejects(() => patient.resume("never"), VarveError, "open it again");
});

Deno.test("With nothing failed a resume does nothing", async () => {
  for (const readOnly of [false, true]) {
    const patient = new Patient(readOnly);
    await patient.resume("never");
    await patient.health.settled();
    assertEquals(patient.notes, []);
  }
});

Deno.test("A turn that is refused ends the resume and is no failure", async () => {
  const { health } = new Patient();
  const failure = health.fail("flush", new Error("one"));
  const closed = () => Promise.reject(new VarveError("CLOSED", "Cannot resume: it is closed"));
  await assertRejects(() => health.resume(() => [][Symbol.iterator](), closed), Error, "closed");
  assertStrictEquals(health.failure, failure);
});

Deno.test("What is opened for reading only takes no writes", () => {
  const { health } = new Patient(true);
  assertEquals(assertThrows(() => health.assertWritable(), VarveError).code, "READ_ONLY");
  assertEquals(health.failure, undefined);
});
