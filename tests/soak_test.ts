/**
 * **What.** The soak for a few seconds, and that it would notice.
 *
 * **Read next.** `soak.ts`
 *
 * @module
 */
import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { MemoryFileSystem, open, VarveError } from "../mod.ts";
import {
  Caller,
  KEYS_PER_CALLER,
  type Session,
  Shared,
  Violation,
} from "./fixtures/soak_caller.ts";
import { Bounds, SOAK_OPTIONS } from "./fixtures/soak_bounds.ts";
import { CountingDisk } from "./fixtures/soak_disk.ts";
import { Promises } from "./fixtures/soak_promises.ts";
import { onDisk } from "./permissions.ts";
import { soak } from "./soak.ts";

Deno.test(
  "64 callers at once, for a few seconds and across reopenings, read what is right",
  onDisk,
  async () => {
    const report = await soak({ seconds: 3, seed: 3, ownsProcess: false });
    assertGreater(report.operations, 0);
    assertGreater(report.readsChecked, report.operations);
    assertGreater(report.openings, 1);
    assertGreater(report.handles, 0);
  },
);

/** A session of a database in memory. */
async function memorySession(): Promise<Session & AsyncDisposable> {
  const db = await open("db", { ...SOAK_OPTIONS, fileSystem: new MemoryFileSystem() });
  return {
    db,
    promises: new Promises(),
    isClosing: false,
    operation: () => {},
    asked: () => {},
    checked: () => {},
    [Symbol.asyncDispose]: () => db.close(),
  };
}

/** A caller that has worked for a while in a database that is still open. */
async function workedCaller(session: Session): Promise<Caller> {
  const caller = new Caller(1, 5, new Shared());
  let left = 500;
  const enough = Promise.withResolvers<void>();
  const end = new Error("enough");
  caller.begin({
    ...session,
    operation: () => {
      if (--left > 0) return;
      enough.resolve();
      throw end;
    },
  });
  const working = caller.work().catch((error) => assertEquals(error.cause, end));
  await enough.promise;
  await working;
  caller.begin(session);
  caller.verify();
  return caller;
}

Deno.test("a caller of the soak notices a value that is missing, is another, or should not be there", async () => {
  await using session = await memorySession();
  const caller = await workedCaller(session);
  const store = session.db.sublevel("s1");
  const [key, value] = store.entriesSync().next().value!;
  const absent = Array.from(
    { length: KEYS_PER_CALLER },
    (_, i) => `c001:k${String(i).padStart(3, "0")}`,
  )
    .find((key) => !store.hasSync(key))!;
  for (const [name, wrong] of [[key, undefined], [key, `${value} `], [absent, value]] as const) {
    const right = store.getSync(name);
    if (wrong === undefined) store.deleteSync(name);
    else store.putSync(name, wrong);
    assertThrows(() => caller.verify(), Violation, name);
    if (right === undefined) store.deleteSync(name);
    else store.putSync(name, right);
    caller.verify();
  }
});

Deno.test("a caller of the soak takes CLOSED for an answer only while the database is closed", async () => {
  for (const isClosing of [true, false]) {
    await using session = await memorySession();
    session.isClosing = isClosing;
    const caller = new Caller(1, 5, new Shared());
    caller.begin(session);
    const [result] = await Promise.allSettled([caller.work(), session.db.close()]);
    assertEquals(result.status, isClosing ? "fulfilled" : "rejected");
    if (result.status === "fulfilled") continue;
    assert(result.reason instanceof Violation && result.reason.cause instanceof VarveError);
  }
});

Deno.test("the soak counts promises until they are settled, whichever way", async () => {
  const promises = new Promises();
  const slow = Promise.withResolvers<void>();
  const kept = promises.track("put", slow.promise);
  const failed = promises.track("get", Promise.reject(new Error("no")));
  await failed.catch(() => {});
  assertEquals([promises.made, promises.pending, promises.pendingKinds], [2, 1, "put"]);
  slow.resolve();
  await kept;
  assertEquals([promises.made, promises.pending], [2, 0]);
});

Deno.test(
  "the soak notices a handle that is not given back, and bytes on disk that nobody needs",
  onDisk,
  async () => {
    const directory = await Deno.makeTempDir({ prefix: "varve_soak_" });
    try {
      const disk = new CountingDisk();
      const bounds = new Bounds(disk, false);
      {
        await using db = await open(directory, { ...SOAK_OPTIONS, fileSystem: disk });
        db.putSync("key", "value");
        bounds.check(db, 8);
        using file = Deno.createSync(join(directory, "999999.ldb"));
        file.truncateSync(20 << 20);
        assertThrows(() => bounds.check(db, 8), Violation, "bytes on disk");
        Deno.removeSync(join(directory, "999999.ldb"));
        const files = Array.from({ length: 20 }, () => disk.open(join(directory, "CURRENT")));
        assertThrows(() => bounds.check(db, 8), Violation, "handles");
        for (const file of files) file.close();
        bounds.check(db, 8);
        assertThrows(() => bounds.checkClosed(directory), Violation, "after close");
      }
      bounds.checkClosed(directory);
      Deno.writeFileSync(join(directory, "999999.ldb"), new Uint8Array(1));
      assertThrows(() => bounds.checkClosed(directory), Violation, "999999.ldb");
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);
