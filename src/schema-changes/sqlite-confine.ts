import type { Confinement } from './dialect.ts';

/** Statements that stay within the file. SQLite itself reads one statement a text, so that its first word decides. */
const WITHIN =
  /^(?:create|alter|drop|insert|replace|update|delete|with|select|values|begin|commit|end|rollback|savepoint|release|explain)\b/i;
const LEFT_OUT = /^(?:analyze|reindex|vacuum\s*$|detach)\b/i;
const PRAGMAS =
  /^pragma\s+(?:main\s*\.\s*)?(?:foreign_keys|defer_foreign_keys|legacy_alter_table|user_version|application_id|recursive_triggers|ignore_check_constraints)\b/i;
const HARMLESS_PRAGMAS =
  /^pragma\s+(?:main\s*\.\s*)?(?:foreign_key_check|foreign_key_list|journal_mode|synchronous|busy_timeout|cache_size|temp_store|optimize|integrity_check|quick_check|table_info|table_xinfo)\b/i;
const MODULES = /^create\s+virtual\s+table\b[\s\S]*?\busing\s+(?!(?:fts3|fts4|fts5|rtree)\b)/i;

/** What to do with a statement in a replay. */
export function sqliteConfine(text: string): Confinement {
  const bare = text.replace(/^(?:[\s;]|--[^\n]*(?:\n|$)|\/\*[\s\S]*?(?:\*\/|$))+/, '');
  if (LEFT_OUT.test(bare) || HARMLESS_PRAGMAS.test(bare)) return 'leave-out';
  if (/^pragma\b/i.test(bare)) return PRAGMAS.test(bare) ? 'run' : { reaches: 'how the file itself is kept' };
  if (!WITHIN.test(bare)) return { reaches: 'other files' };
  if (MODULES.test(bare)) return { reaches: 'what a module of another program reads' };
  if (/\b(?:load_extension|readfile|writefile|edit|fts3_tokenizer)\s*\(/i.test(bare))
    return { reaches: 'other files' };
  return 'run';
}
