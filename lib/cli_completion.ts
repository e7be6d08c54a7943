/**
 * **What.** `completion`: what a shell needs to complete the command's line, made from the commands themselves.
 *
 * **Format.** A script for bash, zsh or fish. All of them know the commands, the options of each, the values of those
 * that have a choice, and that the first argument is a directory. Nothing is run while a line is being completed.
 *
 * **Invariants.**
 * 1. Every command, option and choice that there is can be completed, and no other.
 *
 * **Read next.** `cli_program.ts`
 *
 * @module
 */
import { Argument, type Command, type Option } from "commander";
import type { CliFrame, Run } from "./cli_command.ts";

/** The shells that there are scripts for. */
type ShellName = "bash" | "zsh" | "fish";

/**
 * Adds `completion`.
 *
 * @param frame The frame.
 */
export function addCompletion(frame: CliFrame): void {
  const command = frame.command("completion", {
    summary: "print what a shell needs to complete the command's line",
    examples: [
      ["source <(varve completion bash)", "in ~/.bashrc"],
      ["source <(varve completion zsh)", "in ~/.zshrc, after compinit"],
      ["varve completion fish > ~/.config/fish/completions/varve.fish", "once"],
    ],
  }).addArgument(new Argument("<shell>", "which one").choices(["bash", "zsh", "fish"]));
  const run: Run<object> = async ({ output }, [shell]) => {
    const commands = commandsOf(frame.program);
    const scripts: Record<ShellName, (commands: readonly Completed[]) => string> = {
      bash: bashScript,
      zsh: zshScript,
      fish: fishScript,
    };
    await output.write(scripts[shell as ShellName](commands));
  };
  frame.onRun(command, run);
}

/** What there is to complete after a command. */
interface Completed {
  /** The words that lead to it; none for the program. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly subcommands: readonly { readonly name: string; readonly summary: string }[];
  readonly options: readonly CompletedOption[];
  /** What the first argument may be: words, or a directory or file if there are none. */
  readonly firstChoices: readonly string[];
}

interface CompletedOption {
  readonly long: string;
  readonly short: string | undefined;
  readonly what: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

/** The program and all of its commands, whatever they are a part of. */
function commandsOf(program: Command): Completed[] {
  const found: Completed[] = [];
  const walk = (command: Command, path: readonly string[]) => {
    const help = command.createHelp();
    const subcommands = help.visibleCommands(command)
      .map((it) => ({ name: it.name(), summary: it.summary() || it.description() }));
    found.push({
      path,
      summary: command.summary(),
      subcommands,
      options: help.visibleOptions(command).map(completedOption),
      firstChoices: command.registeredArguments[0]?.argChoices ?? [],
    });
    for (const it of command.commands) walk(it, [...path, it.name()]);
  };
  walk(program, []);
  return found;
}

function completedOption(option: Option): CompletedOption {
  return {
    long: option.long ?? option.short!,
    short: option.long === undefined ? undefined : option.short,
    what: option.description,
    takesValue: option.required || option.optional,
    choices: option.argChoices ?? [],
  };
}

const nameOf = ({ path }: Completed) => path.join(" ");

/** The words of a list for bash, whose own splitting reads them. */
function words(list: readonly string[]): string {
  return list.join(" ");
}

function bashScript(commands: readonly Completed[]): string {
  const cases = (value: (command: Completed) => string) =>
    commands.map((it) => `    "${nameOf(it)}") ${value(it)} ;;`).join("\n");
  const valued = commands.flatMap((command) =>
    command.options.filter(({ takesValue }) => takesValue).map(({ long, choices }) =>
      `    "${nameOf(command)}:${long}") ${
        choices.length > 0
          ? `COMPREPLY=($(compgen -W "${words(choices)}" -- "$word"))`
          : `COMPREPLY=()`
      }; return ;;`
    )
  );
  return `# Completion of varve for bash: source <(varve completion bash)
_varve() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}"
  local path="" at=1 subcommands options choices it
  # Bash takes = for a word of its own.
  if [[ $word == "=" ]]; then word=""; elif [[ $before == "=" ]]; then before="\${COMP_WORDS[COMP_CWORD-2]}"; fi
  for (( ; at < COMP_CWORD; at++ )); do
    it="$path\${path:+ }\${COMP_WORDS[at]}"
    case "$it" in
${
    commands.filter(({ path }) => path.length > 0).map((it) =>
      `      "${nameOf(it)}") path="$it" ;;`
    ).join("\n")
  }
      *) break ;;
    esac
  done
  case "$path:$before" in
${valued.join("\n")}
  esac
  case "$path" in
${
    cases(({ subcommands, options, firstChoices }) =>
      `subcommands="${words(subcommands.map(({ name }) => name))}" options="${
        words(options.flatMap(({ long, short }) => short === undefined ? [long] : [long, short]))
      }" choices="${words(firstChoices)}"`
    )
  }
  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  elif [[ -n $subcommands ]] && (( at == COMP_CWORD )); then
    COMPREPLY=($(compgen -W "$subcommands" -- "$word"))
  elif [[ -n $choices ]] && (( at == COMP_CWORD )); then
    COMPREPLY=($(compgen -W "$choices" -- "$word"))
  elif (( at == COMP_CWORD )); then
    compopt -o filenames 2> /dev/null
    COMPREPLY=($(compgen -d -- "$word"))
  else
    compopt -o filenames 2> /dev/null
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -F _varve varve
`;
}

/** Text in single quotes, for zsh and for fish. */
function single(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Text within a specification of zsh, where brackets and colons mean something. */
function zshText(text: string): string {
  return text.replaceAll(/[\[\]:\\]/g, "\\$&");
}

function zshScript(commands: readonly Completed[]): string {
  const functionName = ({ path }: Completed) => ["_varve", ...path].join("_").replaceAll("-", "_");
  const functions = commands.map((command) => {
    const { options, subcommands, firstChoices } = command;
    const specifications = options.map(({ long, short, what, takesValue, choices }) => {
      const value = !takesValue
        ? ""
        : choices.length > 0
        ? `:value:(${words(choices)})`
        : ":value: ";
      const names = short === undefined ? single(long).slice(1, -1) : `{${long},${short}}`;
      const text = `[${zshText(what)}]${value}`;
      return short === undefined ? single(`${names}${text}`) : `${names}${single(text)}`;
    });
    const first = subcommands.length > 0
      ? ["'1:command:->command'", "'*::argument:->argument'"]
      : firstChoices.length > 0
      ? [single(`1:choice:(${words(firstChoices)})`)]
      : ["'1:directory:_files -/'", "'*:file:_files'"];
    const start = `${functionName(command)}() {\n  local curcontext="$curcontext" state line\n` +
      `  _arguments -C \\\n    ${[...specifications, ...first].join(" \\\n    ")}\n`;
    if (subcommands.length === 0) return `${start}}\n`;
    const described = subcommands.map(({ name, summary }) =>
      `      ${single(`${name}:${zshText(summary)}`)}`
    );
    const called = commands
      .filter((it) => it.path.length > 0 && it.path.slice(0, -1).join(" ") === nameOf(command))
      .map((it) => `      ${it.path.at(-1)}) ${functionName(it)} ;;`);
    return `${start}  case $state in
  command)
    local -a commands=(
${described.join("\n")}
    )
    _describe command commands ;;
  argument)
    case $words[1] in
${called.join("\n")}
    esac ;;
  esac
}
`;
  });
  return `#compdef varve
# Completion of varve for zsh: source <(varve completion zsh)
${functions.join("\n")}
compdef _varve varve
`;
}

function fishScript(commands: readonly Completed[]): string {
  const lines: string[] = [];
  for (const { path, subcommands, options, firstChoices } of commands) {
    const condition = path.length === 0
      ? "__fish_use_subcommand"
      : path.map((word) => `__fish_seen_subcommand_from ${word}`).join("; and ");
    const start = `complete -c varve -n ${single(condition)}`;
    for (const { name, summary } of subcommands) {
      lines.push(`${start} -f -a ${single(name)} -d ${single(summary)}`);
    }
    if (firstChoices.length > 0) lines.push(`${start} -f -a ${single(words(firstChoices))}`);
    for (const { long, short, what, takesValue, choices } of options) {
      const value = !takesValue
        ? ""
        : choices.length > 0
        ? ` -x -a ${single(words(choices))}`
        : " -x";
      const letter = short === undefined ? "" : ` -s ${short.slice(1)}`;
      lines.push(`${start} -l ${long.slice(2)}${letter}${value} -d ${single(what)}`);
    }
  }
  return `# Completion of varve for fish
${lines.join("\n")}
`;
}
