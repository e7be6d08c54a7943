import { assertEquals } from "@std/assert";
import { type Cursor, EmptyCursor } from "./cursor.ts";

Deno.test("EmptyCursor is invalid from the start and after every call", () => {
  const calls: Record<string, (cursor: Cursor) => void> = {
    none: () => {},
    first: (cursor) => cursor.first(),
    last: (cursor) => cursor.last(),
    seek: (cursor) => cursor.seek(new Uint8Array(8), 0, 8),
    next: (cursor) => cursor.next(),
    previous: (cursor) => cursor.previous(),
    close: (cursor) => cursor.close(),
  };
  for (const [name, call] of Object.entries(calls)) {
    const cursor = new EmptyCursor();
    call(cursor);
    assertEquals(cursor.valid, false, name);
  }
});

Deno.test("EmptyCursor.close() may be called twice", () => {
  const cursor = new EmptyCursor();
  cursor.close();
  cursor.close();
  assertEquals(cursor.valid, false);
});

Deno.test("a cursor begins with an empty key and an empty value", () => {
  const cursor = new EmptyCursor();
  assertEquals(cursor.keyBuffer.subarray(cursor.keyStart, cursor.keyEnd).length, 0);
  assertEquals(cursor.valueBuffer.subarray(cursor.valueStart, cursor.valueEnd).length, 0);
});
