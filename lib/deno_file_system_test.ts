// What it has in common with every other disk is tested in file_system_test.ts.
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { fromFileUrl } from "@std/path";
import { closeSync, openSync, readSync } from "node:fs";
import { DenoFileSystem, denoFileSystem as disk } from "./deno_file_system.ts";
import { VarveError } from "./errors.ts";
import { readFile } from "./file_system.ts";
import { inProcesses, onDisk } from "../tests/permissions.ts";

async function withDirectory(body: (directory: string) => unknown): Promise<void> {
  const directory = Deno.makeTempDirSync({ prefix: "varve_deno_file_system_" });
  try {
    await body(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

/** Starts a program that has `disk` and `directory` and runs `body`, as a child with `flags` alone. */
async function start(flags: string[], directory: string, body: string): Promise<Deno.ChildProcess> {
  const here = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);
  const program = `
    import { denoFileSystem as disk } from ${here("./deno_file_system.ts")};
    import { readFile } from ${here("./file_system.ts")};
    const directory = ${JSON.stringify(directory)};
    const bytes = new TextEncoder().encode("abc");
    function failureOf(action: () => unknown): string {
      try {
        action();
        return "no error";
      } catch (error: any) {
        return error.code + ": " + error.message;
      }
    }
    ${body}`;
  const config = fromFileUrl(new URL("../deno.json", import.meta.url));
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--config", config, ...flags, "--ext=ts", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const child = command.spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(program));
  await input.close();
  return child;
}

async function outputOf(flags: string[], directory: string, body: string): Promise<string> {
  const child = await start(flags, directory, body);
  const { code, stdout, stderr } = await child.output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("denoFileSystem is a DenoFileSystem", () => {
  assertInstanceOf(disk, DenoFileSystem);
});

Deno.test(
  "DenoFileSystem needs --allow-read and --allow-write of the directory and nothing else",
  inProcesses,
  async () => {
    await withDirectory(async (directory) => {
      const flags = [`--allow-read=${directory}`, `--allow-write=${directory}`];
      const output = await outputOf(
        flags,
        directory,
        `
      const sub = disk.join(directory, "sub");
      const path = (name: string) => disk.join(sub, name);
      disk.makeDirectory(sub);
      const lock = disk.lock(path("LOCK"), "exclusive");
      const file = disk.create(path("new"));
      file.append(bytes);
      file.syncSync();
      await file.sync();
      file.close();
      disk.openAppend(path("new")).close();
      disk.rename(path("new"), path("file"));
      disk.syncDirectory(sub);
      const shown = [
        disk.list(sub).join(),
        disk.exists(path("file")),
        disk.size(path("file")),
        readFile(disk, path("file")),
      ];
      lock.release();
      disk.lock(path("LOCK"), "shared").release();
      disk.remove(path("file"));
      disk.remove(path("LOCK"));
      disk.removeDirectory(sub);
      console.log(shown.join(" "));
      `,
      );
      assertEquals(output.trim(), "LOCK,file true 3 97,98,99");
    });
  },
);

Deno.test(
  "DenoFileSystem says READ_ONLY and which flag is missing when it may only read",
  inProcesses,
  async () => {
    await withDirectory(async (directory) => {
      Deno.writeTextFileSync(`${directory}/file`, "abc");
      Deno.writeTextFileSync(`${directory}/LOCK`, "");
      const output = await outputOf(
        [`--allow-read=${directory}`],
        directory,
        `
      const path = disk.join(directory, "file");
      disk.lock(disk.join(directory, "LOCK"), "shared").release();
      console.log(readFile(disk, path).length);
      console.log(failureOf(() => disk.create(path)));
      console.log(failureOf(() => disk.openAppend(path)));
      console.log(failureOf(() => disk.remove(path)));
      console.log(failureOf(() => disk.rename(path, path + "2")));
      console.log(failureOf(() => disk.makeDirectory(path + "2")));
      console.log(failureOf(() => disk.removeDirectory(directory)));
      console.log(failureOf(() => disk.lock(disk.join(directory, "LOCK"), "exclusive")));
      console.log(failureOf(() => disk.lock(disk.join(directory, "LOCK2"), "shared")));
      `,
      );
      const [read, ...refused] = output.trim().split("\n");
      assertEquals(read, "3");
      assertEquals(refused.length, 8);
      for (const line of refused) {
        assertStringIncludes(line, "READ_ONLY: Cannot ");
        assertStringIncludes(line, "--allow-write");
        assertStringIncludes(line, directory);
      }
      assertEquals(Deno.readTextFileSync(`${directory}/file`), "abc");
    });
  },
);

Deno.test(
  "DenoFileSystem says IO and which flag is missing when it may not read",
  inProcesses,
  async () => {
    await withDirectory(async (directory) => {
      const output = await outputOf(
        [`--allow-write=${directory}`],
        directory,
        `
      const path = disk.join(directory, "file");
      for (const call of ["open", "size", "exists", "list", "remove"] as const) {
        console.log(failureOf(() => disk[call](path)));
      }
      `,
      );
      const lines = output.trim().split("\n");
      assertEquals(lines.length, 5);
      for (const line of lines) {
        assertStringIncludes(line, "IO: Cannot ");
        assertStringIncludes(line, "--allow-read");
      }
    });
  },
);

Deno.test(
  "lock() is refused to another process until the holder dies (invariant 3)",
  inProcesses,
  async () => {
    await withDirectory(async (directory) => {
      const path = `${directory}/LOCK`;
      const child = await start(
        [`--allow-read=${directory}`, `--allow-write=${directory}`],
        directory,
        `
      disk.lock(disk.join(directory, "LOCK"), "exclusive");
      console.log("held");
      await new Promise((resolve) => setTimeout(resolve, 60_000));
      `,
      );
      const output = child.stdout.getReader();
      assertEquals(new TextDecoder().decode((await output.read()).value), "held\n");
      for (const mode of ["exclusive", "shared"] as const) {
        const error = assertThrows(() => disk.lock(path, mode), VarveError, path);
        assertEquals(error.code, "LOCKED");
      }
      child.kill("SIGKILL");
      await child.status;
      await output.cancel();
      await child.stderr.cancel();
      disk.lock(path, "exclusive").release();
    });
  },
);

Deno.test(
  "append() goes on when the system writes less than it was given (invariant 2)",
  onDisk,
  async () => {
    await withDirectory((directory) => {
      const path = disk.join(directory, "file");
      const file = disk.create(path);
      const real = Deno.FsFile.prototype.writeSync;
      const asked: number[] = [];
      try {
        Deno.FsFile.prototype.writeSync = function (bytes) {
          asked.push(bytes.length);
          return real.call(this, bytes.subarray(0, 4));
        };
        file.append(new TextEncoder().encode("0123456789"));
      } finally {
        Deno.FsFile.prototype.writeSync = real;
      }
      assertEquals(asked, [10, 6, 2]);
      assertEquals(file.size, 10);
      file.close();
      assertEquals(Deno.readTextFileSync(path), "0123456789");
    });
  },
);

Deno.test("append() fails, and does not spin, when the system writes nothing", onDisk, async () => {
  await withDirectory((directory) => {
    const file = disk.create(disk.join(directory, "file"));
    const real = Deno.FsFile.prototype.writeSync;
    try {
      Deno.FsFile.prototype.writeSync = () => 0;
      assertEquals(assertThrows(() => file.append(new Uint8Array(1)), VarveError).code, "IO");
      file.append(new Uint8Array(0));
    } finally {
      Deno.FsFile.prototype.writeSync = real;
    }
    file.close();
  });
});

Deno.test({
  name: "append() to a full disk throws IO with the system's error as its cause",
  // Devices and /proc can be opened only with all permissions, which those who have these are taken to have.
  ignore: inProcesses.ignore || Deno.build.os !== "linux",
  fn() {
    const file = disk.openAppend("/dev/full");
    const error = assertThrows(() => file.append(new Uint8Array(10)), VarveError, "/dev/full");
    file.close();
    assertEquals(error.code, "IO");
    assertStringIncludes(error.message, "Cannot append to file: No space left on device");
    assertInstanceOf(error.cause, Error);
  },
});

Deno.test({
  name: "read() goes on when the system reads less than it was asked for (invariant 2)",
  ignore: inProcesses.ignore || Deno.build.os !== "linux",
  fn() {
    // The kernel hands this file out in pieces of about a page.
    const path = "/proc/self/smaps";
    const bytes = new Uint8Array(64 * 1024);
    const descriptor = openSync(path, "r");
    const atOnce = readSync(descriptor, bytes, 0, bytes.length, 0);
    closeSync(descriptor);
    const file = disk.open(path);
    const count = file.read(bytes, 0);
    file.close();
    assert(atOnce < bytes.length, "the system is expected to read less than it was asked for");
    assert(count > atOnce, `${count} bytes read, of which the first call gives ${atOnce}`);
  },
});

Deno.test("read() and size reach beyond 4 GiB", onDisk, async () => {
  await withDirectory((directory) => {
    const path = disk.join(directory, "file");
    const size = 5 * 2 ** 30;
    disk.create(path).close();
    Deno.truncateSync(path, size); // takes no room on the disk
    const writer = disk.openAppend(path);
    assertEquals(writer.size, size);
    writer.append(new TextEncoder().encode("end"));
    writer.close();
    const reader = disk.open(path);
    const into = new Uint8Array(8);
    assertEquals(reader.size, size + 3);
    assertEquals(reader.read(into, size - 1), 4);
    assertEquals([...into], [0, ...new TextEncoder().encode("end"), 0, 0, 0, 0]);
    reader.close();
  });
});

Deno.test(
  "DenoFileSystem errors carry what Deno and Node threw (invariant 5 of the interface)",
  onDisk,
  async () => {
    await withDirectory((directory) => {
      const path = disk.join(directory, "none");
      for (const call of ["open", "openAppend", "remove", "size", "list"] as const) {
        const error = assertThrows(() => disk[call](path), VarveError);
        assertInstanceOf(error.cause, Error, call);
      }
    });
  },
);

Deno.test("DenoFileSystem.remove() removes a link and not what it points to", onDisk, async () => {
  if (Deno.build.os === "windows") return; // where making a link takes a privilege
  await withDirectory((directory) => {
    const [target, link] = [disk.join(directory, "target"), disk.join(directory, "link")];
    Deno.writeTextFileSync(target, "abc");
    Deno.symlinkSync(target, link);
    disk.remove(link);
    assertEquals(disk.list(directory), ["target"]);
    Deno.symlinkSync(disk.join(directory, "nowhere"), link);
    disk.remove(link);
    assertEquals(disk.list(directory), ["target"]);
  });
});

Deno.test(
  "a released lock is free at once, also while another thread starts processes",
  inProcesses,
  async () => {
    const processes = 40;
    // Starts one process after the other, and counts them where this thread can see it.
    const program = `self.onmessage = ({ data: { counter, path } }) => {
      while (counter[0] < ${processes}) {
        new Deno.Command(path, { args: ["--version"], stdout: "null" }).outputSync();
        Atomics.add(counter, 0, 1);
      }
      self.postMessage("done");
    };`;
    await withDirectory(async (directory) => {
      const worker = new Worker(`data:text/javascript,${encodeURIComponent(program)}`, {
        type: "module",
      });
      try {
        const done = new Promise((resolve) => worker.onmessage = resolve);
        const counter = new Int32Array(new SharedArrayBuffer(4));
        worker.postMessage({ counter, path: Deno.execPath() });
        const path = disk.join(directory, "LOCK");
        while (Atomics.load(counter, 0) < processes) disk.lock(path, "exclusive").release();
        await done;
      } finally {
        worker.terminate();
      }
    });
  },
);

Deno.test({
  name: "DenoFileSystem gives back every descriptor, also when a call fails (invariant 1)",
  ignore: inProcesses.ignore || Deno.build.os !== "linux", // where they can be counted
  fn: () =>
    withDirectory((directory) => {
      const opened = () => {
        let count = 0;
        for (const { name } of Deno.readDirSync("/proc/self/fd")) {
          try {
            if (Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith(directory)) count++;
          } catch (error) {
            assertInstanceOf(error, Deno.errors.NotFound); // closed since it was listed
          }
        }
        return count;
      };
      const path = disk.join(directory, "file");
      const lockPath = disk.join(directory, "LOCK");
      const lock = disk.lock(lockPath, "exclusive");
      assertEquals(opened(), 1);
      disk.create(path).close();
      disk.openAppend(path).close();
      disk.open(path).close();
      readFile(disk, path);
      disk.syncDirectory(directory);
      assertThrows(() => disk.open(directory), VarveError);
      assertThrows(() => disk.lock(lockPath, "shared"), VarveError);
      assertEquals(opened(), 1);
      lock.release();
      assertEquals(opened(), 0);
    }),
});

Deno.test("DenoFileSystem says READ_ONLY when the system refuses a write, IO when it refuses a read", () => {
  const real = { openSync: Deno.openSync, statSync: Deno.statSync };
  try {
    for (const code of ["EACCES", "EPERM", "EROFS"]) {
      const refusal = Object.assign(new Deno.errors.PermissionDenied("refused"), { code });
      Deno.openSync = Deno.statSync = () => {
        throw refusal;
      };
      for (const call of ["create", "openAppend", "size"] as const) {
        const error = assertThrows(() => disk[call]("file"), VarveError, "refused: file");
        assertEquals(error.code, call === "size" ? "IO" : "READ_ONLY", `${call}: ${code}`);
        assertEquals(error.cause, refusal);
      }
    }
  } finally {
    Object.assign(Deno, real);
  }
});

Deno.test("makeDirectory() makes every name of the path durable", onDisk, async () => {
  await withDirectory((directory) => {
    const synced: string[] = [];
    class Noting extends DenoFileSystem {
      override syncDirectory(path: string): void {
        synced.push(path.slice(directory.length));
        super.syncDirectory(path);
      }
    }
    const noting = new Noting();
    noting.makeDirectory(`${directory}/a/b/c`);
    assertEquals(synced.sort(), ["", "/a", "/a/b"]);
    noting.makeDirectory(`${directory}/a/b/c`);
    noting.makeDirectory(`${directory}/a/b/d`);
    assertEquals(synced.slice(3), ["/a/b"]);
  });
});
