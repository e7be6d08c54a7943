// What it has in common with every other disk is tested in file_system_test.ts.
import { assertEquals, assertThrows } from "@std/assert";
import { VarveError } from "./errors.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("MemoryFileSystem treats every spelling of a path as one path", () => {
  const disk = new MemoryFileSystem();
  disk.makeDirectory("/a/b/");
  disk.writeAll("/a/b/file", bytes("abc"));
  for (const path of ["a/b/file", "//a//b//file", "./a/./b/file", "/a/b/file/"]) {
    assertEquals(text(disk.readAll(path)), "abc", path);
  }
  disk.rename("a//b/file", "/a/./b/file");
  assertEquals(disk.list("a/b"), ["file"]);
  assertEquals(disk.list("/a/b/"), ["file"]);
});

Deno.test("MemoryFileSystem has a root that is always there", () => {
  const disk = new MemoryFileSystem();
  for (const root of ["", "/", "."]) {
    assertEquals(disk.exists(root), true, root);
    assertEquals(disk.list(root), [], root);
    disk.makeDirectory(root);
    disk.syncDirectory(root);
    assertEquals(assertThrows(() => disk.removeDirectory(root), VarveError).code, "IO");
  }
  disk.writeAll("file", bytes("abc"));
  assertEquals(disk.list("/"), ["file"]);
});

Deno.test("MemoryFileSystem.join() puts one slash between the parts", () => {
  const disk = new MemoryFileSystem();
  assertEquals(disk.join("a", "b"), "a/b");
  assertEquals(disk.join("a/", "b"), "a/b");
  assertEquals(disk.join("/", "b"), "/b");
  assertEquals(disk.join("", "b"), "b");
});

Deno.test("MemoryFileSystem keeps its bytes to itself (invariant 2)", () => {
  const disk = new MemoryFileSystem();
  const given = bytes("abc");
  disk.writeAll("file", given);
  given.fill(0);
  disk.readAll("file").fill(0);
  const file = disk.open("file");
  const into = new Uint8Array(3);
  file.read(into, 0);
  into.fill(0);
  file.close();
  assertEquals(text(disk.readAll("file")), "abc");
});

Deno.test("MemoryFileSystem keeps every byte while a file grows through many buffers", () => {
  const disk = new MemoryFileSystem();
  const file = disk.create("file");
  const expected: number[] = [];
  for (let length = 0; length < 300; length += 7) {
    const part = Uint8Array.from({ length }, (_, i) => length + i);
    file.append(part);
    expected.push(...part);
  }
  assertEquals(disk.readAll("file"), Uint8Array.from(expected));
});

Deno.test("writeAll() changes the file under the handles that have it open", () => {
  const disk = new MemoryFileSystem();
  disk.writeAll("file", bytes("good"));
  const file = disk.open("file");
  disk.writeAll("file", bytes("bad"));
  const into = new Uint8Array(4);
  assertEquals(file.read(into, 0), 3);
  assertEquals(text(into.subarray(0, 3)), "bad");
});

Deno.test("readAll() and writeAll() fail as the other calls do", () => {
  const disk = new MemoryFileSystem();
  assertEquals(assertThrows(() => disk.readAll("none"), VarveError, "none").code, "NOT_FOUND");
  assertEquals(assertThrows(() => disk.readAll("/"), VarveError).code, "IO");
  assertEquals(
    assertThrows(() => disk.writeAll("no/file", bytes("")), VarveError).code,
    "NOT_FOUND",
  );
});

Deno.test("MemoryFileSystem locks files, not names: a lock file replaced is another lock", () => {
  const disk = new MemoryFileSystem();
  const first = disk.lock("LOCK", "exclusive");
  disk.remove("LOCK");
  const second = disk.lock("LOCK", "exclusive");
  first.release();
  assertEquals(assertThrows(() => disk.lock("LOCK", "shared"), VarveError).code, "LOCKED");
  second.release();
});
