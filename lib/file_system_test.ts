/**
 * What every file system must do, run on each of them; another one joins by a line in `disks`. The numbers
 * are those of the invariants in `file_system.ts`. That synced bytes survive a power cut (2, 4) takes a disk
 * whose power can be cut: here it is only checked that the calls work, and fail where they must.
 */
import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { DenoFileSystem } from "./deno_file_system.ts";
import { VarveError, type VarveErrorCode } from "./errors.ts";
import {
  type FileLock,
  type FileSystem,
  type ReadableFile,
  readFile,
  type WritableFile,
} from "./file_system.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { SimulatedFileSystem } from "./simulated_file_system.ts";
import { onDisk } from "../tests/permissions.ts";
import { generator, type Random } from "./random.ts";

interface Disk {
  readonly name: string;
  /** When its tests can't run. */
  readonly ignore: boolean;
  /** Runs `body` with an empty directory of a new disk. */
  use(body: (disk: FileSystem, directory: string) => unknown): Promise<void>;
}

const memory: Disk = {
  name: "MemoryFileSystem",
  ignore: false,
  async use(body) {
    const disk = new MemoryFileSystem();
    disk.makeDirectory("/data");
    await body(disk, "/data");
  },
};

const simulated: Disk = {
  name: "SimulatedFileSystem",
  ignore: false,
  async use(body) {
    const disk = new SimulatedFileSystem();
    disk.makeDirectory("/data");
    await body(disk, "/data");
  },
};

const deno: Disk = {
  name: "DenoFileSystem",
  ...onDisk,
  async use(body) {
    const directory = Deno.makeTempDirSync({ prefix: "varve_file_system_" });
    try {
      await body(new DenoFileSystem(), directory);
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  },
};

const disks: Disk[] = [memory, simulated, deno];

function testEach(what: string, body: (disk: FileSystem, directory: string) => unknown): void {
  for (const disk of disks) {
    const { name, ignore } = disk;
    Deno.test(`${name}: ${what}`, { ignore }, () => disk.use(body));
  }
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function write(disk: FileSystem, path: string, text: string): void {
  const file = disk.create(path);
  file.append(bytesOf(text));
  file.close();
}

function textOf(disk: FileSystem, path: string): string {
  return new TextDecoder().decode(readFile(disk, path));
}

/** Checks invariant 5: the type, the code, and a message that names the path. */
function assertFails(body: () => unknown, code: VarveErrorCode, path: string): VarveError {
  const error = assertThrows(body, VarveError, path);
  assertEquals(error.code, code, error.message);
  assert(/^Cannot [a-z]/.test(error.message), error.message);
  return error;
}

testEach("append() is seen by every later reader, in order (invariant 1)", (disk, directory) => {
  const path = disk.join(directory, "file");
  const file = disk.create(path);
  assertEquals(file.path, path);
  let expected = "";
  for (const part of ["one ", "", "two ", "x".repeat(100_000), " three"]) {
    file.append(bytesOf(part));
    expected += part;
    assertEquals(file.size, expected.length);
    assertEquals(disk.size(path), expected.length);
    assertEquals(textOf(disk, path), expected);
  }
  file.close();
  assertEquals(textOf(disk, path), expected);
});

testEach("append() leaves the caller its bytes (invariant 1)", (disk, directory) => {
  const path = disk.join(directory, "file");
  const file = disk.create(path);
  const bytes = bytesOf("abc");
  file.append(bytes);
  bytes.fill(0);
  file.append(bytesOf("whole buffer").subarray(6, 9));
  file.close();
  assertEquals(textOf(disk, path), "abcbuf");
});

testEach(
  "sync() and syncSync() work at every moment until close (invariant 2)",
  async (disk, directory) => {
    const file = disk.create(disk.join(directory, "file"));
    await file.sync();
    file.syncSync();
    file.append(bytesOf("abc"));
    await Promise.all([file.sync(), file.sync()]);
    file.syncSync();
    const pending = file.sync();
    file.append(bytesOf("appended while a sync is under way"));
    file.close();
    await pending;
  },
);

testEach("rename() replaces the target, whole (invariant 3)", (disk, directory) => {
  const [from, to] = [disk.join(directory, "from"), disk.join(directory, "to")];
  write(disk, from, "new");
  disk.rename(from, to);
  assertEquals(disk.list(directory), ["to"]);
  write(disk, from, "newer");
  disk.rename(from, to);
  assertEquals(disk.list(directory), ["to"]);
  assertEquals(textOf(disk, to), "newer");
  disk.rename(to, to);
  assertEquals(textOf(disk, to), "newer");
});

testEach(
  "rename() moves between directories, and fails where it can't (invariant 3)",
  (disk, directory) => {
    const sub = disk.join(directory, "sub");
    const [from, to] = [disk.join(directory, "from"), disk.join(sub, "to")];
    write(disk, from, "abc");
    assertFails(() => disk.rename(from, to), "NOT_FOUND", directory);
    disk.makeDirectory(sub);
    assertFails(() => disk.rename(from, sub), "IO", directory);
    assertFails(() => disk.rename(sub, disk.join(directory, "sub2")), "IO", sub);
    assertFails(() => disk.rename(to, from), "NOT_FOUND", to);
    assertEquals(textOf(disk, from), "abc");
    disk.rename(from, to);
    assertEquals(textOf(disk, to), "abc");
  },
);

testEach("syncDirectory() works on a directory that is there (invariant 4)", (disk, directory) => {
  disk.syncDirectory(directory);
  write(disk, disk.join(directory, "file"), "abc");
  disk.syncDirectory(directory);
  const missing = disk.join(directory, "missing");
  if (Deno.build.os !== "windows") {
    assertFails(() => disk.syncDirectory(missing), "NOT_FOUND", missing);
  }
});

testEach("calls on a file that is not there throw NOT_FOUND (invariant 5)", (disk, directory) => {
  for (
    const path of [disk.join(directory, "none"), disk.join(disk.join(directory, "no"), "none")]
  ) {
    assertFails(() => disk.open(path), "NOT_FOUND", path);
    assertFails(() => disk.openAppend(path), "NOT_FOUND", path);
    assertFails(() => disk.size(path), "NOT_FOUND", path);
    assertFails(() => disk.remove(path), "NOT_FOUND", path);
    assertFails(() => disk.removeDirectory(path), "NOT_FOUND", path);
    assertFails(() => disk.list(path), "NOT_FOUND", path);
    assertFails(() => readFile(disk, path), "NOT_FOUND", path);
    assertEquals(disk.exists(path), false);
  }
  assertEquals(disk.list(directory), []);
});

testEach(
  "calls that would create a file in no directory throw NOT_FOUND (invariant 5)",
  (disk, directory) => {
    const path = disk.join(disk.join(directory, "none"), "file");
    assertFails(() => disk.create(path), "NOT_FOUND", path);
    assertFails(() => disk.lock(path, "exclusive"), "NOT_FOUND", path);
    assertFails(() => disk.lock(path, "shared"), "NOT_FOUND", path);
    assertEquals(disk.list(directory), []);
  },
);

testEach("calls on a directory in place of a file throw IO (invariant 5)", (disk, directory) => {
  const path = disk.join(directory, "sub");
  disk.makeDirectory(path);
  assertFails(() => disk.create(path), "IO", path);
  assertFails(() => disk.openAppend(path), "IO", path);
  assertFails(() => disk.open(path), "IO", path);
  assertFails(() => disk.size(path), "IO", path);
  assertFails(() => disk.remove(path), "IO", path);
  assertEquals(disk.list(directory), []);
  assertEquals(disk.exists(path), true);
});

testEach("calls on a file in place of a directory throw IO (invariant 5)", (disk, directory) => {
  const path = disk.join(directory, "file");
  write(disk, path, "abc");
  const below = disk.join(path, "below");
  assertFails(() => disk.list(path), "IO", path);
  assertFails(() => disk.removeDirectory(path), "IO", path);
  assertFails(() => disk.makeDirectory(path), "IO", path);
  assertFails(() => disk.makeDirectory(below), "IO", path);
  assertFails(() => disk.create(below), "IO", path);
  assertFails(() => disk.open(below), "IO", path);
  assertEquals(disk.exists(below), false);
  assertEquals(textOf(disk, path), "abc");
});

testEach("a closed file refuses every call but close() (invariant 5)", async (disk, directory) => {
  const path = disk.join(directory, "file");
  const writer = disk.create(path);
  const reader = disk.open(path);
  for (let times = 0; times < 2; times++) {
    writer.close();
    reader.close();
  }
  assertFails(() => writer.append(bytesOf("abc")), "IO", path);
  assertFails(() => writer.syncSync(), "IO", path);
  assertEquals((await assertRejects(() => writer.sync(), VarveError, path)).code, "IO");
  assertFails(() => reader.read(new Uint8Array(1), 0), "IO", path);
  assertEquals(disk.size(path), 0);
});

testEach("closing a file twice does not close the next one", (disk, directory) => {
  const [one, two] = [disk.join(directory, "one"), disk.join(directory, "two")];
  write(disk, one, "1");
  write(disk, two, "2");
  const first = disk.open(one);
  first.close();
  const second = disk.open(two); // an operating system gives it the number that first had
  first.close();
  assertThrows(() => first.read(new Uint8Array(1), 0), VarveError, one);
  const into = new Uint8Array(1);
  assertEquals(second.read(into, 0), 1);
  assertEquals(into, bytesOf("2"));
  second.close();
});

testEach("create() empties the file that is there", (disk, directory) => {
  const path = disk.join(directory, "file");
  write(disk, path, "a long text");
  const file = disk.create(path);
  assertEquals(file.size, 0);
  assertEquals(disk.size(path), 0);
  file.append(bytesOf("b"));
  file.close();
  assertEquals(textOf(disk, path), "b");
});

testEach("openAppend() goes on at the end", (disk, directory) => {
  const path = disk.join(directory, "file");
  write(disk, path, "abc");
  const file = disk.openAppend(path);
  assertEquals(file.size, 3);
  file.append(bytesOf("def"));
  assertEquals(file.size, 6);
  file.close();
  assertEquals(textOf(disk, path), "abcdef");
});

testEach("read() reads any range, and less than asked for only at the end", (disk, directory) => {
  const path = disk.join(directory, "file");
  const text = "0123456789";
  write(disk, path, text);
  const file = disk.open(path);
  assertEquals([file.path, file.size], [path, 10]);
  for (let position = 0; position <= 12; position++) {
    for (let length = 0; length <= 12; length++) {
      const into = new Uint8Array(length).fill(0xee);
      const expected = bytesOf(text.slice(position, position + length));
      const message = `${length} bytes at ${position}`;
      assertEquals(file.read(into, position), expected.length, message);
      assertEquals(into.subarray(0, expected.length), expected, message);
      assert(into.subarray(expected.length).every((byte) => byte === 0xee), message);
    }
  }
  file.close();
});

testEach("read() fills exactly the view it is given", (disk, directory) => {
  const path = disk.join(directory, "file");
  write(disk, path, "0123456789");
  const file = disk.open(path);
  const buffer = new Uint8Array(6).fill(0x2d);
  assertEquals(file.read(buffer.subarray(2, 4), 5), 2);
  assertEquals(buffer, bytesOf("--56--"));
  const shared = new Uint8Array(new SharedArrayBuffer(3));
  assertEquals(file.read(shared, 7), 3);
  assertEquals([...shared], [...bytesOf("789")]);
  file.close();
});

testEach(
  "read() refuses a position that is not one, instead of reading elsewhere",
  (disk, directory) => {
    const path = disk.join(directory, "file");
    write(disk, path, "0123456789");
    const file = disk.open(path);
    for (const position of [-1, 0.5, NaN, Infinity]) {
      assertThrows(
        () => file.read(new Uint8Array(1), position),
        Error,
        "position",
        String(position),
      );
    }
    file.close();
  },
);

testEach("read() through an open file sees what is appended later", (disk, directory) => {
  const path = disk.join(directory, "file");
  const writer = disk.create(path);
  const reader = disk.open(path);
  assertEquals(reader.read(new Uint8Array(3), 0), 0);
  writer.append(bytesOf("abc"));
  const into = new Uint8Array(4);
  assertEquals(reader.read(into, 0), 3);
  assertEquals(into, bytesOf("abc\0"));
  assertEquals(reader.size, 0); // as it was when opened
  writer.close();
  reader.close();
});

testEach(
  "files removed or replaced stay readable and writable to who has them open",
  (disk, directory) => {
    if (Deno.build.os === "windows" && disk instanceof DenoFileSystem) return;
    for (const replace of [false, true]) {
      const path = disk.join(directory, "file");
      write(disk, path, "old");
      const reader = disk.open(path);
      const writer = disk.openAppend(path);
      if (replace) {
        write(disk, disk.join(directory, "new"), "new");
        disk.rename(disk.join(directory, "new"), path);
      } else {
        disk.remove(path);
      }
      writer.append(bytesOf(" and more"));
      writer.syncSync();
      const into = new Uint8Array(12);
      assertEquals(reader.read(into, 0), 12);
      assertEquals(into, bytesOf("old and more"));
      assertEquals(disk.exists(path), replace);
      if (replace) assertEquals(textOf(disk, path), "new");
      writer.close();
      reader.close();
    }
  },
);

testEach("makeDirectory() makes parents, and leaves alone what is there", (disk, directory) => {
  const path = disk.join(disk.join(directory, "a"), "b");
  disk.makeDirectory(path);
  write(disk, disk.join(path, "file"), "abc");
  disk.makeDirectory(path);
  disk.makeDirectory(directory);
  assertEquals(disk.list(directory), []);
  assertEquals(disk.list(path), ["file"]);
  assert(disk.exists(path));
});

testEach(
  "list() gives the names of the files in a directory, sorted, and none from below",
  (disk, directory) => {
    assertEquals(disk.list(directory), []);
    for (const name of ["b", "a", "000010.log", "B", "000009.log"]) {
      write(disk, disk.join(directory, name), "");
    }
    const sub = disk.join(directory, "sub");
    disk.makeDirectory(sub);
    write(disk, disk.join(sub, "deep"), "");
    assertEquals(disk.list(directory), ["000009.log", "000010.log", "B", "a", "b"]);
    assertEquals(disk.list(sub), ["deep"]);
  },
);

testEach("remove() and removeDirectory() remove their own kind only", (disk, directory) => {
  const sub = disk.join(directory, "sub");
  const path = disk.join(sub, "file");
  disk.makeDirectory(sub);
  assertFails(() => disk.remove(sub), "IO", sub);
  write(disk, path, "abc");
  assertFails(() => disk.removeDirectory(sub), "IO", sub);
  assertFails(() => disk.removeDirectory(path), "IO", path);
  disk.remove(path);
  disk.removeDirectory(sub);
  assertEquals(disk.list(directory), []);
});

testEach("lock() keeps every other handle out until released", (disk, directory) => {
  const path = disk.join(directory, "LOCK");
  const modes = ["exclusive", "shared"] as const;
  for (const held of modes) {
    for (const asked of modes) {
      const holder = disk.lock(path, held);
      if (held === "shared" && asked === "shared") {
        disk.lock(path, asked).release();
      } else {
        assertFails(() => disk.lock(path, asked), "LOCKED", path);
      }
      holder.release();
      disk.lock(path, asked).release();
    }
  }
});

testEach(
  "lock() is held until the last of those who share it lets go, once each",
  (disk, directory) => {
    const path = disk.join(directory, "LOCK");
    const one = disk.lock(path, "shared");
    const two = disk.lock(path, "shared");
    one.release();
    one.release();
    assertFails(() => disk.lock(path, "exclusive"), "LOCKED", path);
    two.release();
    const three = disk.lock(path, "exclusive");
    two.release(); // was let go already: must not take the lock from its new holder
    assertFails(() => disk.lock(path, "shared"), "LOCKED", path);
    three.release();
  },
);

testEach("lock() creates its file, and leaves alone what one holds", (disk, directory) => {
  const path = disk.join(directory, "LOCK");
  disk.lock(path, "shared").release();
  assertEquals(disk.size(path), 0);
  write(disk, path, "abc");
  disk.lock(path, "exclusive").release();
  assertEquals(textOf(disk, path), "abc");
});

testEach(
  "readFile() reads a whole file and gives the handle back when it fails",
  (disk, directory) => {
    const path = disk.join(directory, "file");
    write(disk, path, "");
    assertEquals(readFile(disk, path), new Uint8Array(0));
    write(disk, path, "x".repeat(100_000));
    assertEquals(textOf(disk, path), "x".repeat(100_000));

    let closed = 0;
    const failing = Object.assign(Object.create(disk) as FileSystem, {
      open: (path: string): ReadableFile => ({
        path,
        size: 1,
        read: () => {
          throw new VarveError("IO", "Cannot read file: broken");
        },
        close: () => void closed++,
      }),
    });
    assertThrows(() => readFile(failing, path), VarveError, "broken");
    assertEquals(closed, 1);
  },
);

/** Does what `next` says to a disk, and tells what came of it: a result, or the code of an error. */
class Walker {
  readonly #disk: FileSystem;
  readonly #directory: string;
  #writer: WritableFile | undefined;
  readonly #readers: (ReadableFile | undefined)[] = [];
  readonly #locks: (FileLock | undefined)[] = [];

  constructor(disk: FileSystem, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  step(next: Random): string {
    const path = () => {
      const parts = [["a"], ["b"], ["d"], ["d", "a"], ["d", "e"], ["d", "e", "a"]][next(6)]!;
      return parts.reduce((parent, name) => this.#disk.join(parent, name), this.#directory);
    };
    try {
      return JSON.stringify(this.#act(next, path)) ?? "done";
    } catch (error) {
      assertInstanceOf(error, VarveError);
      return error.code;
    }
  }

  #act(next: Random, path: () => string): unknown {
    const disk = this.#disk;
    const slot = next(3);
    switch (next(16)) {
      case 0:
        this.#writer?.close();
        this.#writer = disk.create(path());
        return this.#writer.size;
      case 1:
        this.#writer?.close();
        this.#writer = disk.openAppend(path());
        return this.#writer.size;
      case 2:
      case 3:
      case 4:
        this.#writer?.append(new Uint8Array(next(400)).fill(next(256)));
        return this.#writer?.size;
      case 5:
        this.#readers[slot]?.close();
        this.#readers[slot] = undefined;
        this.#readers[slot] = disk.open(path());
        return this.#readers[slot].size;
      case 6:
      case 7: {
        const into = new Uint8Array(next(500));
        return [this.#readers[slot]?.read(into, next(800)), ...into];
      }
      case 8:
        return disk.makeDirectory(path());
      case 9:
        return disk.rename(path(), path());
      case 10:
        return disk.remove(path());
      case 11:
        return disk.removeDirectory(path());
      case 12:
        return disk.list(path());
      case 13:
        return [disk.exists(path()), disk.size(path())];
      case 14:
        this.#locks[slot] ??= disk.lock(
          disk.join(this.#directory, `LOCK${next(2)}`),
          next(2) === 0 ? "shared" : "exclusive",
        );
        return;
      default:
        this.#locks[slot]?.release();
        this.#locks[slot] = undefined;
        return disk.list(this.#directory);
    }
  }

  close(): void {
    this.#writer?.close();
    for (const reader of this.#readers) reader?.close();
    for (const lock of this.#locks) lock?.release();
  }
}

Deno.test({
  name: "MemoryFileSystem and DenoFileSystem do the same, whatever is done to them",
  ignore: onDisk.ignore || Deno.build.os === "windows",
  fn: () =>
    memory.use((memoryDisk, memoryDirectory) =>
      deno.use((denoDisk, denoDirectory) => {
        for (const seed of [1, 2, 3, 4, 5]) {
          const sub = `seed${seed}`;
          const ours = memoryDisk.join(memoryDirectory, sub);
          const theirs = denoDisk.join(denoDirectory, sub);
          memoryDisk.makeDirectory(ours);
          denoDisk.makeDirectory(theirs);
          const [one, two] = [new Walker(memoryDisk, ours), new Walker(denoDisk, theirs)];
          const [nextOne, nextTwo] = [generator(seed), generator(seed)];
          for (let step = 0; step < 1500; step++) {
            assertEquals(one.step(nextOne), two.step(nextTwo), `seed ${seed}, step ${step}`);
          }
          one.close();
          two.close();
        }
      })
    ),
});
