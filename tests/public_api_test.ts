/**
 * **What.** The checks of `public_api.ts` as tests, and tests that they leave nothing of the public API out.
 *
 * **Read next.** `permissions_test.ts`
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import * as api from "../mod.ts";
import { onDisk, onSources } from "./permissions.ts";
import { checks, codesMet } from "./public_api.ts";

for (const { name, run } of checks) {
  Deno.test(`public API: ${name}`, onDisk, async () => {
    const directory = await Deno.makeTempDir({ prefix: "varve_api_" });
    try {
      await run(directory);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

/** The names that an object and its classes have, but for those of all objects. */
function membersOf(object: object): string[] {
  const members = new Set<string>();
  for (
    let at = object;
    at !== null && at !== Object.prototype && at !== Iterator.prototype;
    at = Object.getPrototypeOf(at)
  ) {
    for (const key of Reflect.ownKeys(at)) {
      members.add(typeof key === "symbol" ? `[${key.description}]` : key);
    }
  }
  return [...members].filter((name) => name !== "constructor");
}

Deno.test(
  "every export, and every member of what open gives, is used by the checks",
  onSources,
  async () => {
    const source = await Deno.readTextFile(new URL("public_api.ts", import.meta.url));
    const unused = Object.keys(api).filter((name) => !new RegExp(`\\b${name}\\b`).test(source));
    assertEquals(unused, [], "exported, but not used");

    // How the objects do it, and no part of their interfaces.
    const internal = ["context", "keyspace", "readSequence"];
    await using db = await api.open("memory", { fileSystem: new api.MemoryFileSystem() });
    using snapshot = db.snapshot();
    using cursor = db.cursorSync();
    const iterators = { sync: db.keysSync(), async: db.keys() };
    const objects = { db, snapshot, batch: db.batch(), cursor, ...iterators };
    for (const [what, object] of Object.entries(objects)) {
      const missing = membersOf(object)
        .filter((name) => !internal.includes(name))
        .filter((name) => !source.includes(name.startsWith("[") ? name : `.${name}`));
      assertEquals(missing, [], `members of ${what}`);
    }
    objects.sync.return!();
    await objects.async.return!();
  },
);

Deno.test("every code of a VarveError is met by the checks", onDisk, async () => {
  const source = await Deno.readTextFile(new URL("../lib/errors.ts", import.meta.url));
  const type = source.slice(source.indexOf("VarveErrorCode =")).split(";")[0]!;
  const codes = [...type.matchAll(/\| "(\w+)"/g)].map((match) => match[1]!);
  assert(codes.length >= 9, `${codes}`);
  // The checks are the tests above, which have run by now, unless only some of them were asked for.
  if (codesMet.size > 0) assertEquals([...codesMet].sort(), codes.sort());
});
