package grammar

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// guess is what a user of another program may mean: the command whose help says more, and a
// sentence, which may be empty.
type guess struct{ command, says string }

// otherWords maps commands of other programs (restic, borg, rclone, imap-backup, mbsync,
// msgvault, notmuch, git) to those of mailstrata.
var otherWords = map[string]guess{
	"snapshots": {"list", "mailstrata list shows every backup"},
	"snapshot":  {"list", "mailstrata list shows every backup"},
	"log":       {"list", ""}, "history": {"list", ""}, "local": {"list", ""},
	"folders": {"ls", ""}, "folder": {"ls", ""}, "mailboxes": {"ls", ""}, "mailbox": {"ls", ""}, "lsd": {"ls", ""}, "lsf": {"ls", ""}, "lsl": {"ls", ""},
	"sync": {"backup", ""}, "fetch": {"backup", ""}, "archive": {"backup", ""}, "download": {"backup", ""}, "pull": {"backup", ""},
	"import":    {"backup", "mailstrata backup --from maildir:PATH, mbox:PATH or eml:PATH archives files"},
	"sync-full": {"backup", ""}, "sync-incremental": {"backup", ""}, "new": {"backup", ""},
	"search": {"find", ""}, "grep": {"find", ""}, "query": {"find", "mailstrata find finds messages, and with --json it prints what programs read"},
	"count":   {"find", "mailstrata find lists what matches, and mailstrata ls has the number of messages of each mailbox"},
	"address": {"find", "mailstrata find --json prints who sent and got each message"},
	"get":     {"restore", "mailstrata restore latest --to maildir:PATH gets mail back"},
	"recover": {"restore", ""}, "extract": {"restore", ""}, "undelete": {"restore", "mailstrata restore --deleted-since DATE restores what was deleted"},
	"export":             {"restore", "mailstrata restore MANIFEST --to mbox:PATH, eml:PATH, zip:FILE or maildir:PATH writes files"},
	"export-eml":         {"restore", "mailstrata restore MANIFEST --to eml:PATH writes each message to a file, and mailstrata cat prints one"},
	"export-tar":         {"restore", "mailstrata restore MANIFEST --to zip:FILE writes a ZIP file"},
	"export-attachment":  {"attachments", "mailstrata attachments --save DIR writes attachments to files"},
	"export-attachments": {"attachments", "mailstrata attachments --save DIR writes attachments to files"},
	"migrate":            {"restore", "mailstrata restore latest --to imaps://user@host moves mail to another server, mailstrata copy copies a repository"},
	"mirror":             {"restore", "mailstrata restore --prune makes an account exactly what it was"},
	"mount":              {"serve", "mailstrata serve shows every backup in mail programs and browsers, and mailstrata browse in the terminal"},
	"web":                {"serve", ""}, "server": {"serve", ""}, "gui": {"browse", ""}, "tui": {"browse", ""}, "ui": {"browse", ""}, "explore": {"browse", ""}, "open": {"browse", ""},
	"unlock": {"prune", nothingToUnlock}, "break-lock": {"prune", nothingToUnlock}, "with-lock": {"prune", nothingToUnlock},
	"dedupe": {"stats", storedOnce}, "deduplicate": {"stats", storedOnce}, "dedup": {"stats", storedOnce},
	"ncdu": {"stats", ""}, "about": {"stats", ""}, "du": {"stats", ""}, "cryptcheck": {"check", ""}, "scrub": {"check", ""},
	"dump": {"cat", ""}, "verify": {"check", ""}, "test": {"doctor", ""}, "info": {"stats", ""}, "size": {"stats", ""},
	"remove": {"forget", ""}, "delete": {"forget", ""}, "expire": {"forget", ""}, "undo": {"forget", ""}, "unforget": {"forget", ""},
	"create":      {"backup", "mailstrata backup makes a backup, and mailstrata init a repository"},
	"purge":       {"erase", "mailstrata erase removes an account or a message from every backup, mailstrata forget a backup"},
	"rewrite":     {"erase", "mailstrata erase removes a message from every backup"},
	"rm":          {"forget", "mailstrata forget removes backups, and mailstrata account remove an account of the configuration"},
	"add":         {"account", "mailstrata account add adds an account"},
	"add-account": {"account", "mailstrata account add adds an account, and mailstrata setup also starts its backup"},
	"recreate":    {"erase", "mailstrata erase removes a message from every backup, and mailstrata repair mends a repository"},
	"start":       {"setup", "mailstrata setup asks for an account, and makes the first backup"},
	"configure":   {"setup", "mailstrata setup asks for an account, and writes the configuration"},
	"timer":       {"setup", "mailstrata setup starts a timer for mailstrata run"},
	"sheet":       {"key", "mailstrata key sheet makes the recovery sheet"}, "recovery-sheet": {"key", "mailstrata key sheet makes the recovery sheet"},
	"self-update":   {"version", "update mailstrata as you installed it, or by go install github.com/mailstrata/mailstrata/cmd/mailstrata@latest"},
	"rebuild-index": {"repair", "mailstrata repair index rebuilds the index from the packs"},
	"cache":         {"global", "the cache needs no care: --cache-size bounds it, and you may delete its directory"},
	"gc":            {"prune", ""}, "compact": {"prune", ""}, "cleanup": {"prune", ""}, "rename": {"rename-account", ""},
	"generate": {"completion", "mailstrata completion prints completions, and mailstrata man writes manual pages"},
	"passwd":   {"key", ""}, "password": {"key", ""}, "login": {"auth", ""}, "cron": {"run", ""}, "schedule": {"run", ""},
}

const (
	nothingToUnlock = "there is nothing to unlock: no command locks a repository, and a run that was killed leaves nothing behind"
	storedOnce      = "every distinct piece of content is stored once already"
)

// flagGuess is a flag of other programs: a command of mailstrata that gets it, or "" for all, and
// what to do instead. If needs is not empty, it is about commands that have that flag.
type flagGuess struct{ command, needs, says string }

// sealed is what a user of borg asks init for.
const sealed = "a repository is encrypted without a flag: --new-key-file FILE makes the key that opens it, and otherwise a passphrase does"

// otherFlags are flags of other programs.
var otherFlags = map[string][]flagGuess{
	"--until":          {{needs: "before", says: "use --before DATE"}},
	"--to-date":        {{needs: "before", says: "use --before DATE"}},
	"--older-than":     {{needs: "before", says: "use --before DATE"}},
	"--after":          {{needs: "since", says: "use --since DATE"}},
	"--newer-than":     {{needs: "since", says: "use --since DATE"}},
	"--has-attachment": {{needs: "text", says: "use --text has:attachment"}},
	"--body":           {{needs: "text", says: "use --text body:WORD"}},
	"--query":          {{needs: "text", says: "use --text QUERY"}},
	"--newest":         {{needs: "limit", says: "use --limit N"}},
	"-n":               {{needs: "limit", says: "use --limit N"}, {"backup", "", "a backup changes nothing in an account, and mailstrata doctor tests the setup"}},
	"--dry-run":        {{"backup", "", "a backup changes nothing in an account, and mailstrata doctor tests the setup"}},
	"--max":            {{needs: "limit", says: "use --limit N"}},
	"--count":          {{needs: "limit", says: "use --limit N"}},
	"--folder":         {{needs: "mailbox", says: "use --mailbox NAME"}},
	"-m":               {{needs: "mailbox", says: "use --mailbox NAME"}},
	"--include":        {{needs: "mailbox", says: "use --mailbox NAME"}},
	"-i":               {{"find", "", "a search takes upper and lower case as the same"}, {needs: "mailbox", says: "use --mailbox NAME"}},
	"-V":               {{says: "mailstrata version prints the version"}},
	"--verify-data":    {{needs: "read-data", says: "use --read-data"}},
	"--config-file":    {{says: "use --config FILE"}},
	"--list":           {{says: "mailstrata list shows every backup"}},
	"--uid":            {{needs: "message", says: "use --message UID"}},
	"--repository":     {{says: "use --repo PLACE"}},
	"-r":               {{says: "use --repo PLACE"}},
	"-p":               {{says: "use --password-file FILE or --key-file FILE"}},
	"-c":               {{says: "use --config FILE"}},
	"-a":               {{"backup", "", "mailstrata backup without a name is for all accounts of the configuration"}, {"", "", "mailstrata backup is for all accounts of the configuration"}},
	"--all":            {{"backup", "", "mailstrata backup without a name is for all accounts of the configuration"}},
	"--accounts":       {{"backup", "", "name the accounts without a flag: mailstrata backup anna bob"}},
	"--account":        {{says: "put the account before the manifest: ACCOUNT@latest"}},
	"--tag":            {{"backup", "", "mailstrata tag adds a tag to a manifest"}},
	"--target":         {{"restore", "", "use --to maildir:PATH, --to eml:PATH or --to imaps://user@host"}},
	"-t":               {{"restore", "", "use --to maildir:PATH, --to eml:PATH or --to imaps://user@host"}},
	"-l":               {{needs: "keep-last", says: "use --keep-last N"}},
	"-d":               {{needs: "keep-daily", says: "use --keep-daily N"}},
	"-w":               {{needs: "keep-weekly", says: "use --keep-weekly N"}},
	"--shard":          {{"run", "", "mailstrata backup --shard and mailstrata check --shard divide the work of several hosts"}},
	"-e":               {{"init", "", sealed}},
	"--encryption":     {{"init", "", sealed}},
	"--keep-daily":     {{"prune", "", "mailstrata forget --keep-daily N --prune forgets and prunes"}},
	"--keep-last":      {{"prune", "", "mailstrata forget --keep-last N --prune forgets and prunes"}},
	"--keep-weekly":    {{"prune", "", "mailstrata forget --keep-weekly N --prune forgets and prunes"}},
	"--keep-monthly":   {{"prune", "", "mailstrata forget --keep-monthly N --prune forgets and prunes"}},
	"--progress":       {{says: "a terminal shows progress by itself, and -v prints it elsewhere"}},
	"-P":               {{says: "a terminal shows progress by itself, and -v prints it elsewhere"}},
	"--human-readable": {{says: "sizes are in units already; --json has bytes"}},
	"--last":           {{"list", "", "use --latest for the newest backup of each account, or --since DATE"}},
	"--from-repo":      {{"copy", "", "the repository to copy from is --repo, the one to copy to is --to"}},
	"--repo2":          {{"copy", "", "the repository to copy from is --repo, the one to copy to is --to"}},
}

// guessFlag returns what to write instead of a flag of another program, or "". command is nil if
// the flag comes before the command.
func guessFlag(name string, args []string, command *kong.Node) string {
	if !slices.ContainsFunc(args, func(arg string) bool { return arg == name || strings.HasPrefix(arg, name+"=") }) {
		return "" // a part of another word: -nothing
	}
	for _, g := range otherFlags[name] {
		switch {
		case g.command != "" && (command == nil || command.Name != g.command):
		case g.needs != "" && (command == nil || !hasFlag(command, g.needs)):
		case command != nil && hasFlag(command, strings.TrimLeft(name, "-")):
		default:
			return g.says
		}
	}
	return ""
}

// misplaced returns what to write instead of an argument that a command does not take, or "".
func misplaced(argument string, command *kong.Node) string {
	for _, begins := range []string{"/", "./", "s3:", "sftp:"} {
		if !strings.HasPrefix(argument, begins) {
			continue
		}
		if command.Name == "copy" {
			return "name the repository to copy to with --to " + argument
		}
		return "name the repository with --repo " + argument
	}
	return ""
}
