import { FaultRules, type Operation } from "./fault_rules.ts";
import { generator } from "./random.ts";

const operation: Operation = {
  index: 0,
  kind: "append",
  path: "db/000003.log",
  bytes: 100,
  isMutating: true,
};

for (const count of [0, 1, 10]) {
  const rules = new FaultRules(generator(1));
  for (let i = 0; i < count; i++) rules.add({ path: /\.ldb$/, times: Infinity });
  Deno.bench(`judge(), ${count} rules that match nothing`, { group: "judge" }, () => {
    rules.judge(operation);
  });
}
const rules = new FaultRules(generator(1));
rules.add({ path: /\.log$/, probability: 0.5, times: Infinity });
Deno.bench("judge(), a rule that strikes half of the time", { group: "judge" }, () => {
  rules.judge(operation);
});
