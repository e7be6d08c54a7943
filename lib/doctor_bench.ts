/**
 * What it costs to print a report of 1,000 findings.
 *
 * @module
 */
import { verifyText } from "./doctor.ts";

const findings = Array.from({ length: 1000 }, (_, i) => ({
  severity: "error" as const,
  file: `${100_000 + i}.ldb`,
  offset: i * 4096,
  what: "block checksum mismatch",
}));
const report = {
  isSound: false,
  findings,
  errorCount: 1000,
  warningCount: 0,
  fileCount: 1000,
  tableCount: 1000,
  blockCount: 500_000,
  entryCount: 10_000_000,
  logRecordCount: 1,
  bytesRead: 2e9,
};

Deno.bench("a report of 1 000 findings", () => void verifyText(report));
