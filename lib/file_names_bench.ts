import { logName, parseFileName, tableName } from "./file_names.ts";

const names = Array.from(
  { length: 1000 },
  (_, i) => i % 10 === 0 ? logName(i + 1) : tableName(i + 1),
);
names.push("notes.txt", "CURRENT", "LOCK");

Deno.bench("tableName()", { group: "one name", baseline: true }, () => {
  tableName(123_456);
});

Deno.bench("parseFileName() of a table", { group: "one name" }, () => {
  parseFileName("123456.ldb");
});

Deno.bench("parseFileName() of a directory of 1 003 files", { group: "directory" }, () => {
  for (const name of names) parseFileName(name);
});
