/**
 * **What.** `deno doc --lint`, but for one thing that it cannot be told: types of an npm package, such as those that a
 * Level database extends and takes, are documented by that package, and not to be exported by us.
 *
 * ```sh
 * deno run --allow-run --allow-read tests/doc_lint.ts mod.ts lib/level.ts
 * ```
 *
 * **Invariants.**
 * 1. Every other finding is printed, and makes the status 1.
 *
 * **Read next.** `reference_test.ts`
 *
 * @module
 */
const OF_NPM =
  /^error\[private-type-ref\]: .* references private type '(Abstract\w+|PartialEncoder)'$/;

const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
  args: ["doc", "--lint", ...Deno.args],
  env: { NO_COLOR: "1" },
}).output();
const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
const findings = text.split(/^(?=error)/m).filter((block) => block.startsWith("error"))
  .filter((block) => !OF_NPM.test(block.split("\n", 1)[0]!))
  .filter((block) => !/^error: Found \d+ documentation lint errors?\.$/m.test(block));
for (const finding of findings) console.error(finding.trimEnd() + "\n");
if (findings.length > 0) Deno.exit(1);
console.log(`Checked ${Deno.args.length} files`);
