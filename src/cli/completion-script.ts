/**
 * The script that a shell reads once: for the program and its alias it asks `complete -- WORDS`, which answers with
 * `value<TAB>description` lines and a directive (`:4`). The words are passed on as they are and never evaluated.
 */
export function completionScript(shell: string): string {
  const script = { bash: BASH, zsh: ZSH, fish: FISH }[shell];
  if (script === undefined) throw new Error(`No completion script for ${shell}.`);
  return script;
}

/** Words are taken from the line, because COMP_WORDS is split at `=` too. Works in bash 3.2, without bash-completion. */
const BASH = `# bash completion for rollback-deploy-auto
_rollback_deploy_auto() {
  local line="\${COMP_LINE:0:COMP_POINT}"
  local -a typed
  COMPREPLY=()
  if [[ "\${COMP_WORDS[COMP_CWORD-1]}" == --config ]]; then
    compopt -o default 2>/dev/null
    return 0
  fi
  IFS=$' \\t' read -ra typed <<< "$line"
  if [[ "$line" == *' ' ]]; then typed+=(''); fi
  local IFS=$'\\n'
  COMPREPLY=($("$1" complete -- "\${typed[@]:1}" 2>/dev/null | grep -v '^:' | cut -f 1))
}
complete -F _rollback_deploy_auto rollback-deploy-auto rda
`;

const ZSH = `#compdef rollback-deploy-auto rda
# zsh completion for rollback-deploy-auto
_rollback-deploy-auto() {
  local line about
  local -a found
  if [[ "\${words[CURRENT-1]}" == --config ]]; then
    _files
    return
  fi
  for line in "\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ -z "$line" || "$line" == :* ]]; then continue; fi
    about="\${line#*$'\\t'}"
    found+=("\${\${line%%$'\\t'*}//:/\\\\:}\${about:+:$about}")
  done
  compset -P '*='
  _describe -V value found
}
if [[ "\${funcstack[1]}" == _rollback-deploy-auto ]]; then
  _rollback-deploy-auto "$@"
else
  compdef _rollback-deploy-auto rollback-deploy-auto rda
fi
`;

const FISH = `# fish completion for rollback-deploy-auto
function __rollback_deploy_auto
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    set -l option (string match -r -- '^--[^=]+=' "$current")
    for line in ($typed[1] complete -- $typed[2..-1] "$current" 2>/dev/null)
        if not string match -qr '^:[0-9]+$' -- "$line"
            printf '%s\\n' "$option$line"
        end
    end
end
for name in rollback-deploy-auto rda
    complete -c $name -f -a '(__rollback_deploy_auto)'
    complete -c $name -l config -r -F
end
`;
