/**
 * **What.** What the operating system says of this process: memory, bytes written, and whether it is at rest. Linux
 * says everything, others less.
 *
 * **Invariants.**
 * 1. What a system does not say is `undefined`, never a guess.
 *
 * **Read next.** `histogram.ts`
 *
 * @module
 */
import { cpuUsage } from "node:process";

function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

/** The kibibytes of a field of `/proc/self/status`, in bytes. */
function statusBytes(field: string): number | undefined {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m")
    .exec(readIfThere("/proc/self/status") ?? "");
  return match === null ? undefined : Number(match[1]) * 1024;
}

/** Bytes of memory that the process has now. */
export function residentBytes(): number {
  return statusBytes("VmRSS") ?? Deno.memoryUsage().rss;
}

/** The most that it has had since it began, or since {@linkcode forgetPeak}. */
export function peakBytes(): number | undefined {
  return statusBytes("VmHWM");
}

/** Lets the peak begin anew, where that can be done. */
export function forgetPeak(): void {
  try {
    Deno.writeTextFileSync("/proc/self/clear_refs", "5");
  } catch {
    // Then the peak is that of the whole process until now.
  }
}

/**
 * Bytes that it has given to the system to write, to files, pipes and anything else.
 * Writes to mapped files are not in it.
 */
export function writtenBytes(): number | undefined {
  const match = /^wchar: (\d+)$/m.exec(readIfThere("/proc/self/io") ?? "");
  return match === null ? undefined : Number(match[1]);
}

/** Bytes of disk that the files of a directory take. */
export function diskBytes(directory: string): number {
  let bytes = 0;
  for (const entry of Deno.readDirSync(directory)) {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory) bytes += diskBytes(path);
    else {
      const { blocks, size } = Deno.statSync(path);
      bytes += blocks === null ? size : blocks * 512;
    }
  }
  return bytes;
}

/** Waits. */
export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

const WINDOW_MS = 250;
const WINDOWS_MAX = 240;

/**
 * Waits until the process, all its threads together, has used less than a twentieth of a core for half a second: how an
 * engine is known to have finished its background work if it does not say. Gives up after a minute.
 */
export async function atRest(): Promise<void> {
  for (let quiet = 0, windows = 0; quiet < 2 && windows < WINDOWS_MAX; windows++) {
    const before = cpuUsage();
    await pause(WINDOW_MS);
    const { user, system } = cpuUsage(before);
    quiet = (user + system) / 1000 < WINDOW_MS / 20 ? quiet + 1 : 0;
  }
}
