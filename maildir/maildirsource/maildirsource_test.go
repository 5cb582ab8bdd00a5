package maildirsource

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/backup/source/disk"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/internal/generate"
	"github.com/mailstrata/mailstrata/maildir"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// old is long enough ago for times of directories to prove something.
var old = time.Now().Add(-time.Hour).Truncate(time.Second)

// put writes a file of a Maildir.
func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{"new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(filepath.Dir(filepath.Dir(path)), sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
}

// settle makes the directories of a Maildir look as if nothing had changed for a while.
func settle(t testing.TB, path string) {
	t.Helper()
	err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chtimes(name, old, old)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func sample(t testing.TB) string {
	path := filepath.Join(t.TempDir(), "Maildir")
	put(t, path+"/cur/1000.a:2,FS", "Subject: a\n\nlf\n")
	put(t, path+"/cur/1001.b:2,Sab", "Subject: b\r\n\r\ncrlf\r\n")
	put(t, path+"/new/1002.c", "Subject: c\n\nmixed\r\n")
	put(t, path+"/dovecot-keywords", "0 $Junk\n1 work\n")
	put(t, path+"/.Projects.2023/cur/1003.d:2,P", "")
	put(t, path+"/.Entw&APw-rfe/cur/1004.e:2,DRT", "no header, no end")
	put(t, path+"/Nested/Deep/cur/1005.f:2,", "Subject: f\n\n"+strings.Repeat("a long line\n", 1<<15))
	return path
}

// What is in a Maildir is archived, in both layouts, and a second run reads nothing.
func TestBackup(t *testing.T) {
	path := sample(t)
	r := archivetest.NewRepo(t, new(storetest.Memory))
	first := archivetest.BackupFiles(t, r, "maildir:"+path, New(path))
	date := old.UTC().Format("_2-Jan-2006 15:04:05 +0000")
	want := []string{
		`Entwürfe [\Answered \Deleted \Draft] [] ` + date + ` "no header, no end"`,
		`INBOX [$Junk \Seen work] [] ` + date + ` "Subject: b\r\n\r\ncrlf\r\n"`,
		`INBOX [\Flagged \Seen] [] ` + date + ` "Subject: a\r\n\r\nlf\r\n"`,
		`INBOX [] [] ` + date + ` "Subject: c\r\n\r\nmixed\r\n"`,
		`Nested/Deep [] [] ` + date + " " + archivetest.Words([]byte("Subject: f\r\n\r\n"+strings.Repeat("a long line\r\n", 1<<15))),
		`Projects/2023 [$Forwarded] [] ` + date + ` ""`,
	}
	if have := archivetest.ArchivedMail(t, r, first.Head); !slices.Equal(have, want) {
		t.Errorf("difference: %s", archivetest.FirstDifference(have, want))
	}
	if !first.Manifest.Consistent || len(first.Manifest.Failures) > 0 {
		t.Errorf("consistent %v, failures %v", first.Manifest.Consistent, first.Manifest.Failures)
	}
	uids := archivetest.ArchivedUIDs(t, r, first.Head)

	// A flag changes, a message arrives, another is gone: the others keep their UIDs and are not
	// read.
	for name, to := range map[string]string{"cur/1000.a:2,FS": "cur/1000.a:2,S", "new/1002.c": "cur/1002.c:2,"} {
		if err := os.Rename(path+"/"+name, path+"/"+to); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(path + "/cur/1001.b:2,Sab"); err != nil {
		t.Fatal(err)
	}
	put(t, path+"/new/0999.g", "Subject: g\n\n")
	settle(t, path)
	second := archivetest.BackupFiles(t, r, "maildir:"+path, New(path))
	if n := second.Manifest.Totals.NewMessages; n != 1 {
		t.Errorf("%d messages were read", n)
	}
	for line, uid := range archivetest.ArchivedUIDs(t, r, second.Head) {
		line = strings.Replace(line, `INBOX [\Seen]`, `INBOX [\Flagged \Seen]`, 1)
		if was, ok := uids[line]; ok && was != uid || !ok && !strings.HasSuffix(uid, "/4") {
			t.Errorf("%.100s is %s and was %s", line, uid, was)
		}
	}
	// Now the times of the directories prove that nothing changed: no directory is listed.
	third := archivetest.BackupFiles(t, r, "maildir:"+path, New(path))
	fourth := archivetest.BackupFiles(t, r, "maildir:"+path, &blind{New(path)})
	for _, b := range []*struct{ n int64 }{{third.Manifest.Totals.NewMessages}, {fourth.Manifest.Totals.NewMessages}} {
		if b.n != 0 {
			t.Errorf("%d messages were read", b.n)
		}
	}
	if have, want := archivetest.ArchivedMail(t, r, fourth.Head), archivetest.ArchivedMail(t, r, second.Head); !slices.Equal(have, want) {
		t.Errorf("difference: %s", archivetest.FirstDifference(have, want))
	}
}

// Maildir → archive → Maildir: the same messages, byte for byte, with their flags and dates.
func TestRoundTrip(t *testing.T) {
	for _, layout := range []maildir.Layout{maildir.MaildirPP, maildir.Nested} {
		path := sample(t)
		g := generate.New(7)
		for i, m := range g.Messages(60) {
			text := string(m.Body)
			if i%3 > 0 {
				text = strings.ReplaceAll(text, "\r\n", "\n")
			}
			put(t, fmt.Sprintf("%s/.Lists.%d/cur/2%05d.m:2,%s", path, i%3, i, []string{"", "S", "RS"}[i%3]), text)
		}
		r := archivetest.NewRepo(t, new(storetest.Memory))
		b := archivetest.BackupFiles(t, r, "maildir:"+path, New(path))
		back := filepath.Join(t.TempDir(), "back")
		report := archivetest.RestoreTo(t, r, b.Head, maildir.New(back, maildir.Options{Layout: layout}))
		if !report.Whole() || report.Changed > 0 {
			t.Errorf("%+v", report.Problems)
		}
		if have, want := texts(t, back), texts(t, path); !slices.Equal(have, want) {
			t.Errorf("difference: %s", archivetest.FirstDifference(have, want))
		}
		again := archivetest.BackupFiles(t, r, "maildir:"+back, New(back))
		if have, want := archivetest.ArchivedMail(t, r, again.Head), archivetest.ArchivedMail(t, r, b.Head); !slices.Equal(have, want) {
			t.Errorf("difference: %s", archivetest.FirstDifference(have, want))
		}
	}
}

// texts returns the files of a Maildir, with their times and flags other than keywords.
func texts(t *testing.T, path string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		sub := filepath.Base(filepath.Dir(name))
		if err != nil || d.IsDir() || sub != "cur" && sub != "new" {
			return err
		}
		text, err := os.ReadFile(name)
		info, errInfo := d.Info()
		if err := errors.Join(err, errInfo); err != nil {
			return err
		}
		letters := strings.Map(func(r rune) rune {
			if 'A' <= r && r <= 'Z' && r != 'P' {
				return r
			}
			return -1
		}, flagLetters(d.Name()))
		list = append(list, fmt.Sprintf("%s %d %q", letters, info.ModTime().Unix(), text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

// Pipes and links are named, and neither followed nor waited for. The other messages are archived.
func TestHostileFiles(t *testing.T) {
	path := sample(t)
	outside := filepath.Join(t.TempDir(), "secret")
	put(t, outside, "a secret")
	err := errors.Join(
		syscall.Mkfifo(path+"/cur/1.pipe:2,", 0o600),
		os.Symlink(outside, path+"/cur/2.link:2,"),
		os.Symlink("/dev/zero", path+"/new/3.zero"),
		os.Symlink(filepath.Dir(outside), path+"/.Link"),
		os.Symlink("..", path+"/Nested/Loop"),
		os.Mkdir(path+"/cur/directory", 0o700),
	)
	put(t, path+"/cur/4.huge:2,", "")
	err = errors.Join(err, os.Truncate(path+"/cur/4.huge:2,", 10<<30)) // one line, which takes no room
	if err != nil {
		t.Fatal(err)
	}
	r := archivetest.NewRepo(t, new(storetest.Memory))
	b := archivetest.BackupFiles(t, r, "maildir:"+path, New(path))
	if n := len(archivetest.ArchivedMail(t, r, b.Head)); n != 6 {
		t.Errorf("%d messages are archived", n)
	}
	put(t, path+"/cur/1000.a:2,R", "Subject: another a\n\n")
	put(t, path+"/new/1000.a", "Subject: a third a\n\n")
	twins := archivetest.BackupFiles(t, r, "maildir:"+path, New(path))
	if have := strings.Join(archivetest.ArchivedMail(t, r, twins.Head), ""); !strings.Contains(have, "another a") || !strings.Contains(have, "a third a") || !strings.Contains(have, "lf\\r\\n") {
		t.Errorf("of files with one name, there are %s", have)
	}
	reasons := fmt.Sprint(b.Manifest.Failures)
	for _, name := range []string{"1.pipe", "2.link", "3.zero", "4.huge"} {
		if !strings.Contains(reasons, name) {
			t.Errorf("no failure names %s: %s", name, reasons)
		}
	}
	if notes := strings.Join(b.Manifest.Warnings, "\n"); !strings.Contains(notes, ".Link is a symbolic link") || !strings.Contains(notes, "Loop is a symbolic link") {
		t.Errorf("warnings: %s", notes)
	}
}

// The UIDs of Dovecot are taken where its list is, and each message keeps the UID that it had.
func TestUIDList(t *testing.T) {
	path := sample(t)
	put(t, path+"/dovecot-uidlist", "3 V1275660208 N25022 G3085f01b7f11094c501100008c4a11c1\n25006 :1001.b\n25017 W2481 :1000.a:2,F\nx\n")
	r := archivetest.NewRepo(t, new(storetest.Memory))
	b := archivetest.BackupFiles(t, r, "maildir:"+path, New(path))
	have := fmt.Sprint(archivetest.ArchivedUIDs(t, r, b.Head))
	for _, want := range []string{"lf\\r\\n\":INBOX/1275660208/25017", "crlf\\r\\n\":INBOX/1275660208/25006", "mixed\\r\\n\":INBOX/1275660208/25022"} {
		if !strings.Contains(have, want) {
			t.Errorf("%s lacks %s", have, want)
		}
	}
	// Dovecot gives the new message another UID, and a further one that message's: nothing is
	// mistaken for another.
	put(t, path+"/new/1010.n", "Subject: n\n\n")
	put(t, path+"/dovecot-uidlist", "3 V1275660208 N25024\n25006 :1001.b\n25017 :1000.a\n25022 :1010.n\n25023 :1002.c\n")
	again := archivetest.BackupFiles(t, r, "maildir:"+path, New(path))
	have = fmt.Sprint(archivetest.ArchivedUIDs(t, r, again.Head))
	for _, want := range []string{"mixed\\r\\n\":INBOX/1275660208/25022", "Subject: n\\r\\n\\r\\n\":INBOX/1275660208/25023"} {
		if !strings.Contains(have, want) {
			t.Errorf("%s lacks %s", have, want)
		}
	}
}

// While flags change, messages arrive and others go, none is missing that was there all the time.
// None is there twice, each keeps its UID, and once the Maildir rests, the archive is what it has.
func TestMaildirThatChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Maildir")
	const stay = 300
	for i := range stay {
		put(t, fmt.Sprintf("%s/new/%05d.stays", path, i), fmt.Sprintf("Subject: %d stays\n\n", i))
	}
	if err := os.MkdirAll(path+"/cur", 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		random := rand.New(rand.NewPCG(1, 2))
		for n := 0; ctx.Err() == nil; n++ {
			mutate(random, path, n)
		}
	}()
	r := archivetest.NewRepo(t, new(storetest.Memory))
	uids := make(map[string]string) // by subject
	night := func() *backup.Result {
		t.Helper()
		b := archivetest.TryBackupFiles(t.Context(), r, "maildir:"+path, New(path))
		if b.Err != nil {
			t.Error(b.Err)
			return b
		}
		found := make(map[string]int)
		for _, line := range archivetest.ArchivedMail(t, r, b.Head) {
			if at := strings.Index(line, "Subject: "); strings.Contains(line, "stays") {
				found[line[at:]]++
			}
		}
		if failed := len(b.Manifest.Failures); len(found)+failed < stay {
			t.Errorf("%d of %d messages are archived, and %d failures", len(found), stay, failed)
		}
		for subject, n := range found {
			if n > 1 {
				t.Errorf("%s is there %d times", subject, n)
			}
		}
		for line, uid := range archivetest.ArchivedUIDs(t, r, b.Head) {
			subject := line[strings.Index(line, "Subject: "):]
			if was := uids[subject]; was != "" && was != uid && strings.Contains(line, "stays") {
				t.Errorf("%s was %s and is %s", subject, was, uid)
			}
			uids[subject] = uid
		}
		return b
	}
	for range 3 {
		night()
	}
	stop()
	<-done
	last := night()
	if len(last.Manifest.Failures)+len(last.Manifest.Alarm) > 0 || !last.Manifest.Consistent {
		t.Errorf("at rest: failures %v, alarm %q", last.Manifest.Failures, last.Manifest.Alarm)
	}
	other := archivetest.NewRepo(t, new(storetest.Memory))
	whole := archivetest.BackupFiles(t, other, "maildir:"+path, New(path))
	if have, want := archivetest.ArchivedMail(t, r, last.Head), archivetest.ArchivedMail(t, other, whole.Head); !slices.Equal(have, want) {
		t.Errorf("at rest: %s", archivetest.FirstDifference(have, want))
	}
}

// mutate renames, adds or removes a message.
func mutate(random *rand.Rand, path string, n int) {
	entries, err := os.ReadDir(path + "/cur")
	fresh, errNew := os.ReadDir(path + "/new")
	if errors.Join(err, errNew) != nil {
		return
	}
	switch random.IntN(10) {
	case 0:
		_ = os.WriteFile(fmt.Sprintf("%s/new/9%05d.comes", path, n), []byte("Subject: comes\n\n"), 0o600)
	case 1:
		for _, e := range entries {
			if strings.Contains(e.Name(), "comes") {
				_ = os.Remove(path + "/cur/" + e.Name())
				break
			}
		}
	default:
		if len(fresh) > 0 {
			name := fresh[random.IntN(len(fresh))].Name()
			_ = os.Rename(path+"/new/"+name, path+"/cur/"+name+":2,")
		}
		if len(entries) > 0 {
			name := entries[random.IntN(len(entries))].Name()
			base, _, _ := strings.Cut(name, ":")
			_ = os.Rename(path+"/cur/"+name, path+"/cur/"+base+":2,"+[]string{"", "S", "FS", "RS"}[random.IntN(4)])
		}
	}
	time.Sleep(time.Duration(random.IntN(300)) * time.Microsecond)
}

// A name of a file and a list of UIDs can be anything.
func FuzzNames(f *testing.F) {
	f.Add("1276528487.M364837P9451.kurkku,S=1355,W=1394:2,FS", "25017 W2481 :1276533073.M242911P3632.kurkku:2,F", ".Projects.2023")
	f.Fuzz(func(t *testing.T, name, line, dir string) {
		if base := baseName(name); !strings.HasPrefix(name, base) || base != baseName(base) && base != name {
			t.Errorf("%q has the base name %q", name, base)
		}
		flagLetters(name)
		leadingNumber(name)
		parseUIDListHeader(line)
		parseUIDListLine([]byte(line))
		w := &disk.Walk{Levels: levels}
		if box := w.Mailbox(dir); strings.Contains(box.Name, "\x00") && !strings.Contains(dir, "\x00") {
			t.Errorf("%q has the mailbox %q", dir, box.Name)
		}
	})
}

// blind is a Store whose folders cannot be listed.
type blind struct{ *Store }

func (b *blind) Folders(ctx context.Context) ([]disk.Folder, []string, error) {
	folders, notes, err := b.Store.Folders(ctx)
	for i := range folders {
		folders[i] = blindFolder{folders[i].(*folder)}
	}
	return folders, notes, err
}

type blindFolder struct{ *folder }

func (blindFolder) List(context.Context) (*disk.Contents, error) { return nil, errors.New("listed") }
