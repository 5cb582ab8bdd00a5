package maildir

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/restore"
)

// filesBelow lists all files below a directory.
func filesBelow(t *testing.T, path string) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS(path), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// messageFiles returns the files of a tree that are or look like messages.
func messageFiles(t *testing.T, path string) []string {
	t.Helper()
	return slices.DeleteFunc(filesBelow(t, path), func(name string) bool {
		dir := filepath.Base(filepath.Dir(name))
		return dir != "cur" && dir != "new" && dir != "tmp"
	})
}

func TestSecondRestoreAddsNothing(t *testing.T) {
	for _, layout := range []Layout{MaildirPP, Nested} {
		path := filepath.Join(t.TempDir(), "a", "Maildir")
		mailboxes, messages := account()
		total := 0
		for _, m := range messages {
			total += len(m)
		}
		if added, _, _ := restoreTo(t, New(path, Options{Layout: layout}), mailboxes, messages); added != total {
			t.Errorf("%d messages added, want %d", added, total)
		}
		before := filesBelow(t, path)
		if added, _, _ := restoreTo(t, New(path, Options{Layout: layout, EOL: AsIs}), mailboxes, messages); added != 0 {
			t.Errorf("the second restore added %d messages", added)
		}
		if after := filesBelow(t, path); !slices.Equal(before, after) {
			t.Errorf("the second restore made\n%q of\n%q", after, before)
		}
	}
}

// Mail programs may mark messages, move them from new to cur, extend their names, and remove some.
func TestMessagesAreRecognized(t *testing.T) {
	path := t.TempDir()
	mailboxes := []mail.Mailbox{box("INBOX")}
	wanted := []restore.Message{message(1, text("a"), someDate), message(2, text("b"), someDate), message(3, text("c"), someDate)}
	messages := map[string][]restore.Message{"INBOX": wanted}
	restoreTo(t, New(path, Options{}), mailboxes, messages)
	for i, to := range []string{"cur/%:2,FS", "new/%", "cur/%,U=7:2,abRS"} {
		from := messageFiles(t, path)[0] // the names begin with the UID
		if i > 0 {
			from = slices.DeleteFunc(messageFiles(t, path), func(f string) bool { return !strings.Contains(f, "000000000"+string(rune('1'+i))) })[0]
		}
		unique, _, _ := strings.Cut(filepath.Base(from), ":")
		if err := os.Rename(filepath.Join(path, from), filepath.Join(path, strings.ReplaceAll(to, "%", unique))); err != nil {
			t.Fatal(err)
		}
	}
	if added, _, _ := restoreTo(t, New(path, Options{}), mailboxes, messages); added != 0 {
		t.Errorf("%d messages added", added)
	}
}

// Of n copies of a message, n are restored, with any of them present before.
func TestCopies(t *testing.T) {
	path := t.TempDir()
	mailboxes := []mail.Mailbox{box("INBOX")}
	for _, step := range []struct{ uids, added, remove int }{{1, 1, 0}, {3, 2, 1}, {3, 1, 2}, {5, 4, 0}, {2, 0, 0}} {
		var wanted []restore.Message
		for uid := range step.uids {
			wanted = append(wanted, message(mail.UID(uid+1), text("a"), someDate))
		}
		if added, _, _ := restoreTo(t, New(path, Options{}), mailboxes, map[string][]restore.Message{"INBOX": wanted}); added != step.added {
			t.Errorf("%d copies added for %d, want %d", added, step.uids, step.added)
		}
		unique := make(map[string]bool)
		for _, file := range messageFiles(t, path) {
			name, _, _ := strings.Cut(filepath.Base(file), ",")
			if unique[name] {
				t.Errorf("two files are %s", name)
			}
			unique[name] = true
		}
		for _, file := range messageFiles(t, path)[:step.remove] {
			if err := os.Remove(filepath.Join(path, file)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A message that cannot be read leaves nothing behind and does not stop the others.
func TestDamagedMessage(t *testing.T) {
	target := New(t.TempDir(), Options{})
	places, _, err := target.Prepare(t.Context(), []mail.Mailbox{box("INBOX")})
	if err != nil {
		t.Fatal(err)
	}
	f, err := target.Open(t.Context(), places[0])
	if err != nil {
		t.Fatal(err)
	}
	var batch []restore.Message
	for i, size := range []int{10, 0, 300 << 10, 20} { // in memory, empty, on disk; the last is well
		m := message(mail.UID(i+1), strings.Repeat("x", size), someDate)
		if i < 3 {
			m.Body = body{m.Body.(body).text, errDamaged}
		}
		batch = append(batch, m)
	}
	fates, err := f.Append(t.Context(), batch)
	if err != nil || len(fates) != 4 {
		t.Fatal(fates, err)
	}
	for i, fate := range fates {
		if errors.Is(fate.Refused, errDamaged) != (i < 3) || fate.Added != (i == 3) {
			t.Errorf("message %d: %+v", i+1, fate)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if files := messageFiles(t, target.Dir); len(files) != 1 {
		t.Errorf("there are %q", files)
	}
}

// An interruption ends the restore. Complete messages stay.
func TestInterruption(t *testing.T) {
	target := New(t.TempDir(), Options{})
	places, _, err := target.Prepare(t.Context(), []mail.Mailbox{box("INBOX")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	f, err := target.Open(ctx, places[0])
	if err != nil {
		t.Fatal(err)
	}
	last := message(2, text("b"), someDate)
	last.Body = interrupted{cancel}
	fates, err := f.Append(ctx, []restore.Message{message(1, text("a"), someDate), last})
	if len(fates) != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", fates, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if files := messageFiles(t, target.Dir); len(files) != 1 || !strings.HasPrefix(files[0], "cur/") {
		t.Errorf("there are %q", files)
	}
}

type interrupted struct{ cancel func() }

func (i interrupted) Verify(context.Context) error { return nil }
func (i interrupted) WriteTo(ctx context.Context, w io.Writer) error {
	_, _ = w.Write([]byte("half"))
	i.cancel()
	return ctx.Err()
}

// No link in a Maildir leads out of it.
func TestSymbolicLinks(t *testing.T) {
	for name, plant := range map[string]func(path, outside string) error{
		"a folder":         func(path, outside string) error { return os.Symlink(outside, filepath.Join(path, ".A")) },
		"another folder":   func(path, _ string) error { return os.Symlink(".", filepath.Join(path, ".A")) },
		"a folder's cur":   func(path, outside string) error { return plantSub(path, outside, "cur") },
		"a folder's tmp":   func(path, outside string) error { return plantSub(path, outside, "tmp") },
		"the cur of INBOX": func(path, outside string) error { return os.Symlink(outside, filepath.Join(path, "cur")) },
		"a list": func(path, outside string) error {
			return os.Symlink(filepath.Join(outside, "x"), filepath.Join(path, "subscriptions"))
		},
		"a file": func(path, _ string) error { return os.WriteFile(filepath.Join(path, ".A"), nil, 0o600) },
	} {
		path, outside := t.TempDir(), t.TempDir()
		for _, sub := range []string{"cur", "new", "tmp"} {
			if name != "the cur of INBOX" {
				_ = os.Mkdir(filepath.Join(path, sub), 0o700)
			}
			_ = os.Mkdir(filepath.Join(outside, sub), 0o700)
		}
		if err := plant(path, outside); err != nil {
			t.Fatal(err)
		}
		a := box("A")
		a.Subscribed = true
		_, _, err := New(path, Options{}).Prepare(t.Context(), []mail.Mailbox{box("INBOX"), a})
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s is a link: %v", name, err)
		}
		if files := filesBelow(t, outside); len(files) > 0 {
			t.Errorf("%s is a link: %q were written outside", name, files)
		}
	}
}

func plantSub(path, outside, sub string) error {
	return errors.Join(os.Mkdir(filepath.Join(path, ".A"), 0o700), os.Symlink(outside, filepath.Join(path, ".A", sub)))
}

// Mailboxes with hostile names get separate folders below the Maildir.
func TestHostileNames(t *testing.T) {
	for _, layout := range []Layout{MaildirPP, Nested} {
		above := t.TempDir()
		path := filepath.Join(above, "Maildir")
		var mailboxes []mail.Mailbox
		messages := make(map[string][]restore.Message)
		for i, name := range []string{"..", "../..", "../../etc", "/", "//", "/etc/passwd", "a/../../b", "~/x", "~root", ".", "./cur", "cur", "new/cur",
			"tmp/../cur", "nul", "a\x00b", "a\nb", "Entw\xfcrfe", "a\\..\\b", "C:", "x ", "x.", "%2e%2e", "%", "&", "&-", "&AC8-", "dovecot-keywords",
			"subscriptions", "maildirfolder", ".ssh", "INBOX/x", strings.Repeat("n", 300), strings.Repeat("n", 301), strings.Repeat("ü/", 200), "\u2025/\uff0f"} {
			mailboxes = append(mailboxes, box(name))
			messages[name] = []restore.Message{message(mail.UID(i+1), text(name), someDate)}
		}
		added, _, notes := restoreTo(t, New(path, Options{Layout: layout}), mailboxes, messages)
		if added != len(mailboxes) || len(notes) == 0 {
			t.Errorf("%d messages added to %d mailboxes, notes %q", added, len(mailboxes), notes)
		}
		if entries, err := os.ReadDir(above); err != nil || len(entries) != 1 {
			t.Errorf("beside the Maildir there are %v, %v", entries, err)
		}
		dirs := make(map[string]bool)
		for _, file := range messageFiles(t, path) {
			dirs[filepath.Dir(file)] = true
		}
		if len(dirs) != len(mailboxes) {
			t.Errorf("%d folders for %d mailboxes", len(dirs), len(mailboxes))
		}
	}
}

// Mailboxes that would share a folder are an error before anything is made.
func TestMailboxesShareAFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Maildir")
	twin := mail.Mailbox{Raw: "A&B", Name: "A&B", Delimiter: "/"}
	other := mail.Mailbox{Raw: "A&-B", Name: "A&B", Delimiter: "/"}
	_, _, err := New(path, Options{}).Prepare(t.Context(), []mail.Mailbox{box("INBOX"), twin, other})
	if err == nil || !strings.Contains(err.Error(), "A&-B") {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Error("something was made")
	}
}

func TestForeignDirectory(t *testing.T) {
	path := t.TempDir()
	if err := os.WriteFile(filepath.Join(path, "thesis.tex"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := New(path, Options{}).Prepare(t.Context(), []mail.Mailbox{box("INBOX")})
	if err == nil || !strings.Contains(err.Error(), "thesis.tex") {
		t.Error(err)
	}
	if len(filesBelow(t, path)) != 1 {
		t.Error("something was made")
	}
}

// Changes of names, dates and flags are reported.
func TestChangesAreReported(t *testing.T) {
	path := t.TempDir()
	keywords := []string{`\Seen`, `\Important`, "bad word", "line\nfeed"}
	for i := range 30 {
		keywords = append(keywords, "k"+string(rune('A'+i)))
	}
	year9999 := message(2, text("b"), "31-Dec-9999 23:59:59 +0000")
	unreadable := message(3, text("c"), "32-Foo-2020 00:00:00 +0000")
	_, changed, _ := restoreTo(t, New(path, Options{}), []mail.Mailbox{box("INBOX")}, map[string][]restore.Message{
		"INBOX": {message(1, text("a"), someDate, keywords...), year9999, unreadable},
	})
	if len(changed) != 3+4+2 {
		t.Errorf("%d changes: %q", len(changed), changed)
	}
	for _, file := range messageFiles(t, path) {
		if strings.HasPrefix(filepath.Base(file), "0000000001.") && !strings.HasSuffix(file, ":2,Sabcdefghijklmnopqrstuvwxyz") {
			t.Error(file)
		}
	}
}

// Letters that a folder has for keywords keep their meaning.
func TestKeywordsAreAddedTo(t *testing.T) {
	path := t.TempDir()
	restoreTo(t, New(path, Options{}), []mail.Mailbox{box("INBOX")}, nil)
	file := filepath.Join(path, keywordsFile)
	if err := os.WriteFile(file, []byte("1 Later\n4 $MDNSent\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	restoreTo(t, New(path, Options{}), []mail.Mailbox{box("INBOX")}, map[string][]restore.Message{
		"INBOX": {message(1, text("a"), someDate, "later", "$Junk", "zzz")},
	})
	if text, err := os.ReadFile(file); err != nil || string(text) != "0 $Junk\n1 Later\n2 zzz\n4 $MDNSent\n" {
		t.Errorf("%q, %v", text, err)
	}
	if files := messageFiles(t, path); !strings.HasSuffix(files[0], ":2,abc") {
		t.Error(files)
	}
}

// A forwarded message has the letter P, for programs that do not read Dovecot's keywords: with or
// without a letter for the keyword.
func TestForwarded(t *testing.T) {
	path := t.TempDir()
	var keywords []string
	for i := range maxKeywords {
		keywords = append(keywords, "k"+string(rune('A'+i)))
	}
	_, changed, _ := restoreTo(t, New(path, Options{}), []mail.Mailbox{box("INBOX"), box("Full")}, map[string][]restore.Message{
		"INBOX": {message(1, text("a"), someDate, `\Seen`, `\Flagged`, "$forwarded")},
		"Full":  {message(1, text("b"), someDate, keywords...), message(2, text("c"), someDate, "$Forwarded")},
	})
	if len(changed) > 0 {
		t.Errorf("changes: %q", changed)
	}
	for _, end := range []string{":2,FPSa", ":2,P", ":2,abcdefghijklmnopqrstuvwxyz"} {
		found := slices.ContainsFunc(messageFiles(t, path), func(file string) bool { return strings.HasSuffix(file, end) })
		if !found {
			t.Errorf("no file ends with %s: %q", end, messageFiles(t, path))
		}
	}
	if flags := ParseFlags("FPSa", []byte("0 $forwarded\n")); len(flags) != 3 {
		t.Errorf("flags: %q", flags)
	}
}

func TestSubscriptionsAreAddedTo(t *testing.T) {
	for _, test := range []struct {
		layout       Layout
		before, want string
	}{
		{MaildirPP, "", "INBOX\na.b\n"},
		{MaildirPP, "x\na.b", "x\na.b\nINBOX\n"},
		{MaildirPP, "V\t2\n\nINBOX\n", "V\t2\n\nINBOX\na\tb\n"},
		{Nested, "V\t2\n\na\tb\n", "V\t2\n\na\tb\nINBOX\n"},
		{Nested, "INBOX\n", "INBOX\na/b\n"},
	} {
		dirs := []string{".", ".a.b"}
		if test.layout == Nested {
			dirs[1] = "a/b"
		}
		if got := string(test.layout.addSubscriptions([]byte(test.before), dirs)); got != test.want {
			t.Errorf("%q became %q, want %q", test.before, got, test.want)
		}
	}
}

// Keywords that are written are read as the same keywords.
func FuzzKeywords(f *testing.F) {
	f.Add("0 a\n1 b\r\n99 c\nx\n", "d")
	f.Fuzz(func(t *testing.T, text, keyword string) {
		k := parseKeywords([]byte(text))
		k.add(keyword)
		if again := parseKeywords(k.format()); *again != *k {
			t.Errorf("%q became %q", k.names, again.names)
		}
	})
}

func FuzzFileName(f *testing.F) {
	f.Add("0000000001.5.00112233445566778899aabbccddeeff.1.mailstrata,S=1,W=1:2,S")
	f.Fuzz(func(t *testing.T, name string) { parseFileName(name) })
}
