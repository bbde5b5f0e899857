/** Where Claude Code looks for a project's commands. */
export const CLAUDE_COMMAND_PATH = '.claude/commands/rollback-deploy-auto.md';

/**
 * The Claude Code command. Only what changes nothing is allowed beforehand, so that the move itself is also confirmed
 * where permissions are asked for.
 */
export const CLAUDE_COMMAND = `---
name: rollback-deploy-auto
type: command
category: deployment
description: Roll a deployment back to the last version known to be good, with a plan shown and confirmed first
argument-hint: "[--version TAG] [--strategy rolling|blue-green|instant|canary] [--no-backup] [--timeout SECONDS] [--dry-run]"
allowed-tools: Bash(rollback-deploy-auto plan:*), Bash(rollback-deploy-auto check:*), Bash(rollback-deploy-auto releases:*), Bash(rollback-deploy-auto status:*), Bash(rollback-deploy-auto history:*), Bash(rollback-deploy-auto show:*)
---

# Roll back a deployment

Arguments as given: $ARGUMENTS

Never move production without an explicit yes to the plan you have shown.

1. Plan. This changes nothing:

   \`\`\`
   rollback-deploy-auto plan $ARGUMENTS
   \`\`\`

   - Exit 0: go on.
   - Exit 4: a check refuses. Show every [FAIL] and [UNKNOWN] line with its evidence and ways out, and stop.
     Add \`--accept\` only if the user says so, check by check, with the reason in the user's words.
   - Anything else: show the error in full, with its last line, and stop.

2. Show the plan: target version, current version, strategy, every check line that is not [OK], the estimate, and
   whether data may be lost. If \`--dry-run\` or \`--dry_run\` was given, stop here.

3. Ask: "Roll back SERVICE from CURRENT to TARGET now?" and, if no \`--reason\` was given, why. Wait for the answer.
   Anything but a clear yes means no: stop, and say that nothing was changed.

4. Run it with the arguments given. If they name no version, add the one of the plan, so that what runs is what was
   confirmed; add the reason:

   \`\`\`
   rollback-deploy-auto $ARGUMENTS --version TARGET --reason "REASON"
   \`\`\`

   Add \`--yes\` only if the plan says that data may be lost and the user has agreed to exactly that.

5. Report what it printed, word for word where it says what production looks like. By exit code:
   - 0: done.
   - 1: failed; production stands where the message says.
   - 2: wrong usage or configuration; nothing was tried.
   - 3: interrupted; offer \`rollback-deploy-auto resume\`, and \`rollback-deploy-auto abort\` to go back.
   - 4: refused by a check; nothing changed.
   - 5: on the target, but validation did not confirm it: say so, and show the validation lines.
   End with the run's id and \`rollback-deploy-auto show RUN\`.
`;
