/**
 * What a number costs that several threads may draw: it is paid once for each file. Deno 2.9.6, 2 shared cores (AMD
 * EPYC): 15 ns.
 *
 * @module
 */
import { FileNumbers } from "./file_numbers.ts";

const numbers = new FileNumbers(1);

Deno.bench("a number", () => {
  numbers.next();
});
