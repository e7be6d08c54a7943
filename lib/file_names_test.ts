import { assertEquals, assertThrows } from "@std/assert";
import {
  currentName,
  type FileKind,
  infoLogName,
  lockName,
  logName,
  manifestName,
  oldInfoLogName,
  oldTableName,
  parseFileName,
  tableName,
  temporaryName,
} from "./file_names.ts";

const numbered: [FileKind, (number: number) => string][] = [
  ["log", logName],
  ["table", tableName],
  ["table", oldTableName],
  ["manifest", manifestName],
  ["temporary", temporaryName],
];

Deno.test("file names are LevelDB's", () => {
  assertEquals(currentName, "CURRENT");
  assertEquals(lockName, "LOCK");
  assertEquals(infoLogName, "LOG");
  assertEquals(oldInfoLogName, "LOG.old");
  assertEquals(logName(7), "000007.log");
  assertEquals(tableName(7), "000007.ldb");
  assertEquals(oldTableName(7), "000007.sst");
  assertEquals(manifestName(7), "MANIFEST-000007");
  assertEquals(temporaryName(7), "000007.dbtmp");
});

Deno.test("file names grow past six digits when the number does", () => {
  assertEquals(tableName(999_999), "999999.ldb");
  assertEquals(tableName(1_000_000), "1000000.ldb");
  assertEquals(manifestName(Number.MAX_SAFE_INTEGER), "MANIFEST-9007199254740991");
});

Deno.test("file names of numbers that no file can have are refused", () => {
  for (const [, nameOf] of numbered) {
    for (const number of [0, -1, 1.5, NaN, Infinity, 2 ** 53]) {
      assertThrows(() => nameOf(number), Error, "file number", `${nameOf.name}(${number})`);
    }
  }
});

Deno.test("parseFileName() gives back every name made here (invariant 1)", () => {
  for (const [kind, nameOf] of numbered) {
    for (
      const number of [1, 9, 10, 999_999, 1_000_000, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER]
    ) {
      assertEquals(parseFileName(nameOf(number)), { kind, number }, nameOf(number));
    }
  }
  assertEquals(parseFileName(currentName), { kind: "current", number: 0 });
  assertEquals(parseFileName(lockName), { kind: "lock", number: 0 });
  assertEquals(parseFileName(infoLogName), { kind: "infoLog", number: 0 });
  assertEquals(parseFileName(oldInfoLogName), { kind: "infoLog", number: 0 });
});

Deno.test("parseFileName() refuses numbers that are not padded as the store does it", () => {
  assertEquals(parseFileName("000000.log"), { kind: "log", number: 0 });
  assertEquals(parseFileName("1234567.ldb"), { kind: "table", number: 1_234_567 });
  for (const name of ["0.log", "7.ldb", "2024.log", "MANIFEST-2", "00000007.sst", "01234567.sst"]) {
    assertEquals(parseFileName(name), undefined, name);
  }
});

Deno.test("parseFileName() refuses numbers over 2^53 - 1 instead of rounding them", () => {
  for (
    const number of [
      "9007199254740992",
      "9007199254740993",
      "18446744073709551615",
      "9".repeat(400),
    ]
  ) {
    assertEquals(parseFileName(`${number}.log`), undefined, number);
    assertEquals(parseFileName(`MANIFEST-${number}`), undefined, number);
  }
});

Deno.test("parseFileName() refuses every other name (invariant 2)", () => {
  const names = [
    "",
    ".",
    "..",
    "100",
    "100.",
    ".log",
    "100.lop",
    "100.LOG",
    "100.log.bak",
    "100.log ",
    "100.log\n",
  ];
  names.push(
    " 100.log",
    "+1.log",
    "-1.log",
    "1e3.log",
    "0x10.log",
    "1_0.log",
    "1.5.log",
    "٣.log",
    "dir/1.log",
  );
  names.push(
    "MANIFEST",
    "MANIFEST-",
    "MANIFEST-3x",
    "XMANIFEST-3",
    "manifest-3",
    "MANIFEST--3",
    "MANIFEST-3.ldb",
  );
  names.push(
    "LOCKx",
    "xLOCK",
    "lock",
    "LOC",
    "CURREN",
    "CURRENTX",
    "current",
    "LOGx",
    "LOG.older",
    "LOG.",
    "IDENTITY",
  );
  names.push("constructor", "__proto__", "1.constructor", "1.__proto__");
  for (const name of names) assertEquals(parseFileName(name), undefined, JSON.stringify(name));
});

Deno.test("parseFileName() refuses every name that is one character off", () => {
  const names = [currentName, lockName, oldInfoLogName, ...numbered.map(([, nameOf]) => nameOf(7))];
  for (const name of names) {
    for (let at = 0; at <= name.length; at++) {
      const wrong = `${name.slice(0, at)}x${name.slice(at)}`;
      assertEquals(parseFileName(wrong), undefined, wrong);
    }
  }
});
