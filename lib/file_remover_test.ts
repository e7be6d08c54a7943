/**
 * Files that nobody needs: removed here, elsewhere, or here after all.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { FailingFileSystem } from "../tests/fixtures/failing_file_system.ts";
import { VarveError } from "./errors.ts";
import { FileRemover, type RemovalHelper, removeIfThere } from "./file_remover.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

function stage(...names: string[]) {
  const memory = new MemoryFileSystem();
  memory.makeDirectory("db");
  for (const name of names) memory.writeAll(`db/${name}`, Uint8Array.of(1));
  const disk = new FailingFileSystem(memory);
  const messages: string[] = [];
  const remover = new FileRemover(disk, { log: (...parts) => void messages.push(parts.join(" ")) });
  return { memory, disk, messages, remover };
}

Deno.test("Files are removed at once, and those that are not there are no matter (invariant 3)", () => {
  const { memory, messages, remover } = stage("a", "b", "c");
  remover.remove(["db/a", "db/none", "db/c"], "tree");
  assertEquals(memory.list("db"), ["b"]);
  assertEquals(messages, ["debug tree removed db/a", "debug tree removed db/c"]);
});

Deno.test("What cannot be removed is a warning, and the others go (invariant 3)", () => {
  const { memory, disk, messages, remover } = stage("a", "b");
  disk.fails = ({ kind, name }) => kind === "remove" && name === "a";
  remover.remove(["db/a", "db/b"], "log");
  assertEquals(memory.list("db"), ["a"]);
  assertEquals(messages.map((it) => it.split(":")[0]), [
    "warn log cannot remove db/a",
    "debug log removed db/b",
  ]);
});

Deno.test("A file that another thread removes at the same moment was not there (invariant 3)", () => {
  const { disk } = stage("a");
  disk.remove = (path) => {
    throw new VarveError("NOT_FOUND", `Cannot remove file: ${path}`);
  };
  assertEquals(removeIfThere(disk, "db/a"), false);
});

Deno.test("A helper removes them when it likes, and is believed", () => {
  const { memory, messages, remover } = stage("a", "b", "c");
  const asked: Parameters<RemovalHelper>[] = [];
  remover.helper = (...request) => asked.push(request) > 0;
  remover.remove([], "tree");
  remover.remove(["db/a", "db/b", "db/c"], "tree");
  assertEquals([asked.length, messages, memory.list("db")], [1, [], ["a", "b", "c"]]);
  asked[0]![1]([true, false, "Error: no permission"]);
  assertEquals(memory.list("db"), ["a", "b", "c"]);
  assertEquals(messages, [
    "debug tree removed db/a",
    "warn tree cannot remove db/c: Error: no permission",
  ]);
});

Deno.test("What a helper refuses or gives back is removed here (invariant 2)", () => {
  const { memory, messages, remover } = stage("a", "b");
  remover.helper = () => false;
  remover.remove(["db/a"], "tree");
  assertEquals(memory.list("db"), ["b"]);
  remover.helper = (_, done) => (done(undefined), true);
  remover.remove(["db/b"], "tree");
  assertEquals([memory.list("db"), messages.length], [[], 2]);
});
