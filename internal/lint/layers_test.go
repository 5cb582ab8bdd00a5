package lint

import (
	"go/parser"
	"go/token"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/mailstrata/mailstrata"

// layers has, for each package, the packages of this module that it imports. Tests are free. Before
// you add an import here, ask whether the arrow points the right way: values do no I/O, repo does
// not know mail, archive does not know servers, backup and restore do not know protocols, commands
// do not know each other, and only the program may import everything ("*").
var layers = map[string]string{
	// The values and the format of mail: leaves.
	"chunk":                  "",
	"mail":                   "",
	"mail/charset":           "",
	"mail/document":          "mail/charset",
	"mail/document/pdf":      "mail/document/pdf/trim",
	"mail/document/pdf/trim": "",
	"mail/entity":            "internal/header",
	"mail/extract":           "internal/header mail/charset mail/entity",
	"mail/safehtml":          "",
	"manifest":               "chunk mail",
	"collection":             "",
	"sieve":                  "collection internal/silence",
	"dav":                    "collection internal/silence",
	"manifest/history":       "internal/day manifest",

	// What is stored, and where.
	"dir": "internal/local repo/store repo/store/filetree",
	"repo": `
		chunk internal/grace internal/inorder repo/cache repo/format repo/index repo/internal/access
		repo/internal/ahead repo/internal/check repo/internal/clock repo/internal/head repo/internal/locks
		repo/internal/objects repo/internal/prune repo/internal/repair repo/objectlock repo/packs repo/pin
		repo/recovery repo/statement repo/store`,
	"repo/cache":          "internal/local repo/format repo/internal/localseal repo/packs",
	"repo/census":         "chunk internal/local repo/format repo/index",
	"repo/format":         "chunk internal/local repo/format/optimal repo/store",
	"repo/format/optimal": "",
	"repo/index":          "chunk internal/local repo/format repo/internal/ahead repo/ranges repo/store",
	"repo/internal/access": `
		chunk repo/format repo/internal/ahead repo/internal/localseal repo/internal/objects repo/keys repo/objectlock repo/pin repo/statement
		repo/store`,
	"repo/internal/ahead": "repo/store",
	"repo/internal/check": `
		internal/inorder repo/format repo/internal/access repo/internal/clock repo/internal/objects repo/objectlock
		repo/packs repo/statement repo/store`,
	"repo/internal/clock":     "repo/store",
	"repo/internal/localseal": "repo/format",
	"repo/internal/head":      "chunk repo/format repo/internal/clock repo/store",
	"repo/internal/locks": `
		repo/format repo/internal/access repo/internal/clock repo/internal/objects repo/objectlock repo/statement`,
	"repo/internal/objects": `
		chunk internal/local repo/cache repo/format repo/internal/clock repo/internal/localseal repo/objectlock
		repo/packs repo/ranges
		repo/statement repo/store`,
	"repo/internal/prune": `
		chunk repo/cache repo/census repo/format repo/index repo/internal/clock repo/internal/head repo/internal/objects
		repo/ranges repo/statement repo/store`,
	"repo/internal/repair": `
		chunk repo/format repo/index repo/internal/check repo/internal/objects repo/statement repo/store`,
	"repo/keys":            "repo/format",
	"repo/objectlock":      "repo/store",
	"repo/packs":           "repo/format repo/internal/localseal repo/ranges repo/store",
	"repo/pin":             "internal/local repo/format",
	"repo/ranges":          "repo/format repo/store",
	"repo/recovery":        "chunk",
	"repo/statement":       "chunk repo/format",
	"repo/store":           "",
	"repo/store/filetree":  "repo/store",
	"repo/store/storetest": "repo/store",
	"s3":                   "internal/inflight internal/loopback internal/retry repo/store",
	"sftp":                 "internal/retry repo/store repo/store/filetree",

	// Accounts in a repository.
	"archive": `
		archive/loss chunk internal/header internal/inorder internal/local mail manifest manifest/history repo
		repo/statement repo/store`,
	"archive/check": "archive chunk internal/inorder mail manifest repo",
	"archive/attachment": `
		archive archive/readable chunk internal/local internal/safename mail/entity mail/extract manifest`,
	"archive/deleted": `
		archive archive/diff archive/loss chunk internal/inorder mail manifest manifest/history repo`,
	"archive/diff":      "archive chunk mail manifest",
	"archive/erase":     "archive archive/rewrite chunk mail manifest repo repo/statement",
	"archive/gather":    "archive chunk mail manifest repo",
	"archive/health":    "archive manifest manifest/history repo repo/statement",
	"archive/ingest":    "archive chunk mail manifest repo repo/recovery repo/statement",
	"archive/layout":    "archive chunk mail manifest",
	"archive/listing":   "archive chunk internal/inorder manifest",
	"archive/loss":      "chunk internal/percent mail manifest",
	"archive/readable":  "archive chunk mail mail/entity manifest repo",
	"archive/replicate": "archive archive/ingest archive/rewrite chunk internal/grace manifest repo repo/statement",
	"archive/rewrite": `
		archive archive/ingest chunk internal/retry mail manifest manifest/history repo repo/statement`,
	"archive/itemsearch": "archive archive/search chunk collection fulltext/words manifest repo",
	"archive/search": `
		archive archive/readable chunk internal/header internal/inorder mail mail/entity manifest repo`,
	"archive/search/query": "archive/search fulltext/words internal/day mail",
	"archive/textindex": `
		archive archive/readable archive/search chunk fulltext fulltext/words internal/inorder internal/local mail
		mail/entity mail/extract manifest repo`,

	// Searching for words.
	"fulltext":          "chunk fulltext/pages fulltext/postings fulltext/words internal/inorder internal/local",
	"fulltext/pages":    "internal/local",
	"fulltext/postings": "fulltext/words",
	"fulltext/words":    "",

	// Reading accounts, and restoring them.
	"backup": `
		archive archive/ingest archive/loss backup/compare backup/fetch backup/identity backup/items backup/moves
		backup/quota backup/sample backup/source chunk collection internal/grace internal/percent internal/retry mail
		manifest manifest/history repo repo/recovery repo/statement`,
	"backup/compare":     "backup/source mail manifest",
	"backup/fetch":       "archive/ingest backup/quota backup/source mail manifest repo",
	"backup/identity":    "mail manifest",
	"backup/items":       "collection manifest",
	"backup/moves":       "archive archive/ingest backup/source chunk mail manifest repo",
	"backup/quota":       "backup/source mail",
	"backup/sample":      "chunk internal/percent manifest",
	"backup/source":      "chunk internal/retry mail",
	"backup/source/disk": "backup/source backup/source/numbering internal/safename mail",
	"backup/source/numbering": `
		backup/source mail`,
	"eml":           "chunk internal/header internal/local internal/safename internal/tree internal/zipstream mail restore",
	"eml/emlsource": "backup/source backup/source/disk internal/mailfile internal/retry mail",
	"imap":          "imap/internal/netconn imap/internal/wire internal/printable internal/silence mail",
	"imap/imapclient": `
		backup/source imap imap/internal/properties imap/internal/spool imap/internal/wire internal/printable mail`,
	"imap/imapsource": "backup/source imap imap/imapclient internal/grace mail",
	"imap/imaprestore": `
		chunk imap imap/imapclient imap/internal/fingerprint imap/internal/journal imap/internal/spool imap/internal/wire
		internal/canonical internal/printable internal/retry mail restore`,
	"imap/internal/fingerprint": "",
	"imap/internal/floods":      "",
	"imap/internal/imaptest":    "",
	"imap/internal/journal":     "chunk mail restore",
	"imap/internal/netconn":     "internal/silence",
	"imap/internal/properties":  "imap/internal/wire mail",
	"imap/internal/spool":       "internal/local",
	"imap/internal/wire":        "internal/printable mail",
	"jmap": `
		internal/loopback internal/printable internal/silence mail`,
	"jmap/internal/jmaptest": `
		`,
	"jmap/jmaprestore": `
		chunk internal/retry jmap mail restore`,
	"jmap/jmapsource": `
		backup/source backup/source/numbering jmap mail`,
	"maildir":               "chunk internal/canonical internal/header internal/lineend internal/retry internal/safename internal/tree mail restore",
	"mbox":                  "internal/header internal/lineend mail",
	"maildir/maildirsource": "backup/source/disk internal/mailfile mail maildir",
	"mbox/mboxrestore":      "internal/lineend internal/local internal/safename internal/tree mail mbox restore",
	"mbox/mboxsource":       "backup/source backup/source/disk chunk internal/header internal/lineend internal/local internal/mailfile internal/retry mail mbox",
	"restore/items":         "archive collection internal/local internal/safename manifest",
	"restore":               "archive archive/diff archive/search chunk internal/inorder internal/local mail manifest repo",

	// Serving archives to programs that read.
	"serve/imapserver": `
		archive archive/layout chunk fulltext/words internal/header internal/inorder internal/retry mail
		mail/charset mail/entity serve/internal/address serve/internal/command serve/internal/recent
		serve/internal/turns serve/view`,
	"serve/internal/address": "",
	"serve/internal/command": "",
	"serve/internal/recent":  "",
	"serve/internal/turns":   "",
	"serve/page": `
		archive archive/attachment archive/diff archive/health archive/readable archive/search archive/search/query
		archive/textindex chunk collection fulltext/words internal/day internal/header internal/inorder internal/ui mail
		mail/entity mail/extract mail/safehtml manifest repo serve/internal/turns serve/page/chart serve/page/export
		serve/page/gate serve/page/message serve/page/sorting serve/view`,
	"serve/page/chart":  "",
	"serve/page/export": "archive eml internal/lineend internal/ui internal/zipstream mail manifest mbox",
	"serve/page/gate":   "internal/retry",
	"serve/page/message": `
		archive archive/layout archive/readable internal/header internal/inorder internal/ui mail mail/charset
		mail/entity mail/extract manifest serve/view`,
	"serve/page/sorting": "archive internal/header serve/view",
	"serve/view": `
		archive archive/health archive/textindex chunk fulltext/words internal/inorder mail mail/extract manifest
		manifest/history repo serve/internal/recent serve/internal/turns`,

	// The program.
	"bench": `
		archive bench/exchange bench/farline internal/generate internal/testbed repo repo/keys repo/store
		repo/store/storetest s3`,
	"bench/exchange": "bench/farline",
	"bench/farline":  "",
	"cmd/mailstrata": "*",
	"release":        "",
	"site":           "",

	// Its command line: what commands share, and the commands.
	"internal/cli": `
		internal/access internal/checked internal/config internal/hint internal/local internal/notify internal/secret
		internal/ui mail/document mail/document/pdf mail/extract manifest/history repo`,
	"internal/cli/conditions": `
		archive/search archive/search/query archive/textindex fulltext/words internal/cli internal/cli/wordindex
		internal/day internal/hint internal/ui repo`,
	"internal/cli/grammar": "internal/cli internal/hint internal/ui repo",
	"internal/cli/named": `
		archive internal/cli/summary internal/hint internal/inorder internal/job internal/ui mail manifest
		manifest/history repo`,
	"internal/cli/reading": `
		archive archive/readable internal/cli/summary internal/header internal/inorder mail/entity mail/extract manifest`,
	"internal/cli/summary":   "archive internal/header internal/ui mail manifest repo",
	"internal/cli/wordindex": "archive/textindex chunk fulltext/words internal/cli internal/ui repo",
	"internal/command/accounts": `
		imap imap/imapclient internal/access internal/cli internal/cli/summary internal/config internal/hint
		internal/keyring internal/oauth internal/secret internal/ui`,
	"internal/command/backup": `
		backup imap internal/access internal/cli internal/cli/summary internal/cli/wordindex internal/config
		internal/hint internal/job internal/notify internal/ui repo`,
	"internal/command/browse": `
		archive archive/listing archive/search internal/access internal/cli internal/cli/named internal/cli/reading
		internal/cli/summary internal/hint internal/inorder internal/picker internal/picker/terminal
		internal/ui mail mail/extract manifest repo`,
	"internal/command/completion": `
		archive internal/cli internal/cli/grammar internal/cli/named internal/cli/summary internal/config internal/ui
		manifest repo`,
	"internal/command/demo": "internal/cli internal/cli/summary internal/demo internal/ui",
	"internal/command/night": `
		internal/access internal/cli internal/config internal/hint internal/local internal/secret internal/ui
		manifest/history repo`,
	"internal/command/find": `
		archive archive/attachment archive/itemsearch archive/readable archive/search archive/search/query archive/textindex chunk
		fulltext/words internal/access internal/cli internal/cli/conditions internal/cli/named internal/cli/summary
		internal/cli/wordindex internal/day internal/hint internal/inorder internal/job internal/ui mail mail/entity
		mail/extract manifest manifest/history repo`,
	"internal/command/index": "archive/textindex internal/access internal/cli internal/cli/wordindex internal/ui repo",
	"internal/command/items": `
		archive collection internal/access internal/cli internal/cli/named internal/cli/summary internal/hint
		internal/job internal/ui manifest repo restore/items`,
	"internal/command/keys": `
		archive internal/access internal/cli internal/cli/summary internal/hint internal/secret internal/ui repo repo/keys
		repo/objectlock repo/store`,
	"internal/command/look": `
		archive archive/attachment archive/diff archive/health archive/loss archive/search chunk internal/access
		internal/checked internal/cli internal/cli/named internal/cli/reading internal/cli/summary internal/config
		internal/day internal/hint internal/inorder internal/job internal/nextrun internal/notify internal/schedule
		internal/ui mail mail/extract manifest manifest/history repo`,
	"internal/command/maintain": `
		archive archive/check archive/replicate archive/rewrite internal/access internal/checked internal/cli
		internal/cli/named internal/cli/summary internal/config internal/doctor internal/hint internal/job
		internal/secret internal/ui mail manifest manifest/history repo repo/store`,
	"internal/command/restore": `
		archive archive/deleted archive/gather archive/search archive/search/query internal/access internal/cli
		internal/cli/conditions internal/cli/named internal/cli/summary internal/config internal/day internal/hint
		internal/job internal/ui mail manifest manifest/history repo restore`,
	"internal/command/retain": `
		archive archive/erase archive/health archive/loss archive/rewrite archive/search chunk internal/access
		internal/cli internal/cli/named internal/cli/summary internal/config internal/hint internal/job
		internal/ui mail manifest/history repo repo/statement repo/store`,
	"internal/command/serve": `
		internal/access internal/cli internal/hint internal/secret internal/ui repo serve/imapserver serve/page
		serve/view`,
	"internal/command/setup": `
		archive backup/source imap imap/imapsource internal/access internal/cli internal/config internal/config/edit
		internal/hint internal/keyring internal/local internal/oauth internal/probe internal/provider internal/schedule internal/secret internal/ui
		repo`,

	// Helpers.
	"internal/access": `
		collection dav dir imap internal/config internal/hint internal/local internal/loopback
		internal/oauth internal/secret internal/sheet internal/ui
		jmap mail repo repo/objectlock repo/store s3 sftp sieve`,
	"internal/archivetest": `
		archive archive/check archive/replicate backup backup/source backup/source/disk chunk collection mail manifest repo
		repo/store restore`,
	"internal/canonical": "",
	"internal/checked":   "",
	"internal/config": `
		archive/loss backup imap internal/oauth internal/percent internal/plaintext jmap manifest/history s3
		sftp`,
	"internal/config/edit": "internal/plaintext",
	"internal/day":         "",
	"internal/demo":        "",
	"internal/discover":    "collection",
	"internal/doctor": `
		archive backup/source collection dav imap/imapsource internal/access internal/config internal/discover internal/hint
		internal/keyring internal/nextrun internal/schedule internal/ui jmap jmap/jmapsource mail manifest repo repo/store sieve`,
	"internal/e2e":      "",
	"internal/generate": "",
	"internal/grace":    "",
	"internal/header":   "mail/charset",
	"internal/hostile":  "",
	"internal/hint":     "archive imap internal/keyring internal/oauth jmap mail repo repo/store",
	"internal/inflight": "",
	"internal/inorder":  "",
	"internal/job": `
		archive archive/loss backup backup/source backup/source/disk eml eml/emlsource imap/imaprestore imap/imapsource
		internal/access internal/config internal/hint internal/local internal/percent internal/ui jmap
		jmap/jmaprestore jmap/jmapsource mail maildir maildir/maildirsource mbox mbox/mboxrestore mbox/mboxsource
		repo restore`,
	"internal/keyring":   "",
	"internal/mailfile":  "internal/header internal/lineend mail",
	"internal/lineend":   "",
	"internal/lint":      "",
	"internal/local":     "",
	"internal/man":       "",
	"internal/mutate":    "",
	"internal/nextrun":   "internal/schedule",
	"internal/notify":    "internal/local internal/retry",
	"internal/oauth":     "internal/keyring internal/local internal/loopback internal/printable",
	"internal/percent":   "",
	"internal/plaintext": "",
	"internal/loopback":  "",
	"internal/printable": "",
	"internal/probe":     "imap internal/loopback",
	"internal/provider":  "",
	"internal/removal":   "",
	"internal/retry":     "",
	"internal/silence":   "",
	"internal/safename":  "mail",
	"internal/schedule":  "",
	"internal/picker": `
		internal/ui`,
	"internal/picker/terminal": `
		internal/picker`,
	"internal/secret": `
		internal/config internal/hint internal/keyring internal/local internal/plaintext internal/ui repo
		repo/keys`,
	"internal/sheet":            "",
	"internal/testbed":          "internal/testbed/need",
	"internal/testbed/chromium": "internal/testbed/need",
	"internal/testbed/need":     "",
	"internal/tree":             "mail restore",
	"internal/ui":               "",
	"internal/zipstream":        "",
}

// TestLayers requires that each package imports exactly the packages of this module that the table
// gives it.
func TestLayers(t *testing.T) {
	imports := make(map[string][]string)
	for _, file := range files(t, isProgram) {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		pkg := path.Dir(file)
		imports[pkg] = append(imports[pkg], []string{}...)
		for _, spec := range parsed.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if ours, ok := strings.CutPrefix(name, module+"/"); ok && !slices.Contains(imports[pkg], ours) {
				imports[pkg] = append(imports[pkg], ours)
			}
		}
	}
	for _, pkg := range slices.Sorted(maps.Keys(imports)) {
		slices.Sort(imports[pkg])
		got, want := strings.Join(imports[pkg], " "), strings.Join(strings.Fields(layers[pkg]), " ")
		if want != "*" && got != want {
			t.Errorf("%s imports\n\t%s\nand the table says\n\t%s", pkg, got, want)
		}
	}
	for pkg := range layers {
		if _, ok := imports[pkg]; !ok {
			t.Errorf("the table has %s, which does not exist", pkg)
		}
	}
}
