package search_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// greetings has one text in the encodings that programs use.
var greetings = []string{
	"Gr\u00fc\u00dfe aus K\u00f6ln",   // UTF-8, as RFC 6532 has it
	"Gru\u0308\u00dfe aus Ko\u0308ln", // likewise, taken apart
	"=?utf-8?q?GR=C3=BC=C3=9FE?= =?iso-8859-1?q?_aus_?=\r\n\t=?iso-8859-1?b?S/ZsbiE=?=",
	"Re: gr\xfc\xdfe aus k\xf6ln", // not encoded at all
}

// For random queries and messages, Find yields exactly what a naive scan of every message finds.
func TestFindMatchesNaiveScan(t *testing.T) {
	s := archivetest.NewMemReader(t)
	random := rand.New(rand.NewPCG(7, 7))
	names := []string{"Anna", "Bert", "Carla"}
	date := func(day int) time.Time { return time.Date(2024, 3, day, 12, 0, 0, 0, time.UTC) }
	type facts struct {
		from, to, subject, id, attachment string
		day, size                         int
		flags                             mail.Flags
	}
	known := map[string]map[mail.UID]facts{"a": {}, "b": {}}
	var boxes []manifest.Mailbox
	for _, box := range []string{"a", "b"} {
		var letters []archivetest.Message
		for uid := mail.UID(1); uid <= 1100; uid++ {
			f := facts{
				from: names[random.IntN(3)], to: names[random.IntN(3)], subject: names[random.IntN(3)],
				id: fmt.Sprintf("%d.%s@example.org", uid, box), day: 1 + random.IntN(20),
			}
			to := []string{"To", "cc", "BCC"}[random.IntN(3)]
			body := fmt.Sprintf("From: %s <x@example.org>\r\n%s: y@example.org,\r\n %s\r\nSubject: a word of %s\r\nMessage-ID: <%s>\r\n", f.from, to, f.to, f.subject, f.id)
			if random.IntN(4) == 0 {
				f.attachment = fmt.Sprintf("Plan %d.PDF", random.IntN(3))
				body += "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\nContent-Disposition: attachment;\r\n filename=\"" + f.attachment + "\"\r\n\r\n" +
					string(archivetest.Base64(archivetest.RandomBytes(uint64(random.IntN(5)), 2000))) + "--b--\r\n"
			} else {
				body += "\r\nFrom: Carla\r\nContent-Disposition: x; filename=Plan\r\n" + strings.Repeat("x", random.IntN(3000))
			}
			f.size = len(body)
			if random.IntN(2) == 0 {
				f.flags = mail.NewFlags(`\Seen`, names[random.IntN(3)])
			}
			known[box][uid] = f
			letters = append(letters, archivetest.Message{UID: uid, Body: []byte(body), Flags: f.flags, Date: date(f.day).Format("_2-Jan-2006 15:04:05 -0700")})
		}
		boxes = append(boxes, s.Mailbox(t, box, letters...))
	}
	contents := s.Contents(t, boxes...)
	maybe := func(text string) string { return []string{"", text}[random.IntN(2)] }
	for range 30 {
		q := search.Query{
			From: maybe("aNN"), To: maybe("bert"), Subject: maybe("WORD of c"), Attachment: maybe(maybe("plan 1")),
			MessageID: maybe(maybe(maybe(".A@"))), Larger: int64(random.IntN(2) * 700), Smaller: int64(random.IntN(2) * 2500),
		}
		if random.IntN(2) == 0 {
			q.Since, q.Before = date(5), date(5+random.IntN(12))
		}
		if random.IntN(3) == 0 {
			q.Flags = []string{`\seen`, "anna"}
		}
		in := func(text, part string) bool { return strings.Contains(strings.ToLower(text), strings.ToLower(part)) }
		var want, got []string
		for _, box := range []string{"a", "b"} {
			for uid := mail.UID(1); uid <= 1100; uid++ {
				f := known[box][uid]
				if in(f.from, q.From) && in(f.to, q.To) && in("a word of "+f.subject, q.Subject) && in("<"+f.id+">", q.MessageID) &&
					(q.Attachment == "" || in(f.attachment, q.Attachment)) &&
					(q.Larger == 0 || int64(f.size) > q.Larger) && (q.Smaller == 0 || int64(f.size) < q.Smaller) &&
					(q.Since.IsZero() || !date(f.day).Before(q.Since)) && (q.Before.IsZero() || date(f.day).Before(q.Before)) &&
					(len(q.Flags) == 0 || f.flags.Has(`\Seen`) && f.flags.Has("Anna")) {
					want = append(want, fmt.Sprint(box, uid))
				}
			}
		}
		for found, err := range search.Find(t.Context(), contents, q, nil) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprint(found.Mailbox.Name, found.Entry.UID))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v: %d found, want %d", q, len(got), len(want))
		}
	}
}

func TestFindDecodes(t *testing.T) {
	s := archivetest.NewMemReader(t)
	var letters []archivetest.Message
	for i, text := range greetings {
		letters = append(letters, archivetest.Message{UID: mail.UID(i + 1), Body: []byte("Subject: " + text + "\r\n\r\nx\r\n"), Date: archivetest.SomeDate})
	}
	contents := s.Contents(t, s.Mailbox(t, "INBOX", letters...))
	for _, text := range []string{"Gr\u00fc\u00dfe aus K\u00f6ln", "gru\u0308sse", "K\u00d6LN", "\uff2b\u00f6ln"} {
		n := 0
		for _, err := range search.Find(t.Context(), contents, search.Query{Subject: text}, nil) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != len(greetings) {
			t.Errorf("%q: %d of %d found", text, n, len(greetings))
		}
	}
}

// A header that cannot be read is reported, and does not hide other messages. If the store is gone,
// the search ends.
func TestFindSkipsDamage(t *testing.T) {
	s := archivetest.NewMemReader(t)
	inbox := s.Mailbox(t, "INBOX", archivetest.PlainMessages(1, 50)...)
	contents := s.Contents(t, inbox)
	entry, err := contents.Entry(t.Context(), &inbox, 7)
	if err != nil {
		t.Fatal(err)
	}
	s.Lose(entry.Parts[0].Chunks[0])
	find := func() (found int, errs []error) {
		for _, err := range search.Find(t.Context(), contents, search.Query{Subject: "number"}, nil) {
			if err != nil {
				errs = append(errs, err)
			} else {
				found++
			}
		}
		return found, errs
	}
	if found, errs := find(); found != 49 || len(errs) != 1 || !strings.Contains(errs[0].Error(), `"INBOX", UID 7`) {
		t.Errorf("%d found, %v", found, errs)
	}
	s.FailAt = s.Reads + 10
	if found, errs := find(); found != 0 || len(errs) != 1 || !errors.Is(errs[0], archivetest.ErrStoreGone) {
		t.Errorf("%d found, %v", found, errs)
	}
	s.FailAt = 0
	s.Reads = 0
	for range search.Find(t.Context(), contents, search.Query{Larger: 1 << 20}, nil) {
		t.Error("there is no such message")
	}
	if s.Reads > 8 { // two of each of the four pages
		t.Errorf("%d chunks read, though the records suffice", s.Reads)
	}
}

// Names of attachments are found in all encodings that programs use.
func TestAttachmentNames(t *testing.T) {
	for text, want := range map[string]string{
		"Content-Disposition: attachment; filename=a.pdf\r\n":                                                                 "a.pdf",
		"content-type: application/pdf;\r\n\tName=\"a b; c.pdf\"\r\n":                                                         "a b; c.pdf",
		"--b\nContent-Type : x/y; charset=utf-8 ;name = a.pdf ; x=y\n\nbody":                                                  "a.pdf",
		"Content-Disposition: attachment; filename*=UTF-8''na%C3%AFve.txt\r\n":                                                "na\u00efve.txt",
		"Content-Disposition: attachment; filename*=iso-8859-1'fr'na%EFve.txt; filename=\"naive.txt\"\r\n":                    "na\u00efve.txt",
		"Content-Disposition: attachment;\r\n filename*1=\"long.\";\r\n filename*0*=UTF-8''%C3%A4;\r\n filename*2*=%70df\r\n": "\u00e4long.pdf",
		"Content-Type: x/y; name=\"=?iso-8859-1?q?na=EFve?=.txt\"\r\n":                                                        "na\u00efve.txt",
		"Content-Type: x/y; name=\"na\xefve.txt\"\r\n":                                                                        "na\u00efve.txt",
		`Content-Type: x/y; name="C:\Temp\a.pdf"`:                                                                             `C:\Temp\a.pdf`,
		`Content-Type: x/y; name="say \"a\".pdf"`:                                                                             `say "a".pdf`,
		"Content-Type: x/y; name=\"unfinished":                                                                                "unfinished",
		"Content-Type: text/plain; charset=utf-8\r\nX-Name: name=no\r\n":                                                      "",
		"Content-Disposition: a; filename*x=1; filename**=2; =3; ;;; *=4; filename":                                           "",
	} {
		var got []string
		for name := range search.AttachmentNames([]byte(text)) {
			got = append(got, name)
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// However large a message is, only a bounded part of it is read, with both ends of every text.
func TestTextStretches(t *testing.T) {
	s := archivetest.NewMemReader(t)
	huge := bytes.Repeat([]byte("text\r\n"), 4<<20)
	name := "\r\nContent-Disposition: attachment; filename=needle\r\n\r\n"
	for _, at := range []string{"first", "last"} {
		body := []byte("Subject: x\r\nContent-Type: multipart/mixed\r\n\r\n")
		if at == "first" {
			body = append(append(body, name...), huge...)
		} else {
			body = append(append(body, huge...), name...)
		}
		contents := s.Contents(t, s.Mailbox(t, "a", archivetest.Message{UID: 1, Body: append(body, archivetest.Base64(archivetest.RandomBytes(1, 3000))...), Date: archivetest.SomeDate}))
		s.Reads = 0
		n := 0
		for _, err := range search.Find(t.Context(), contents, search.Query{Attachment: "NEEDLE"}, nil) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != 1 || s.Reads > 2*search.TextEdge+5 {
			t.Errorf("%s: %d found, %d chunks read", at, n, s.Reads)
		}
	}
	many := make([]manifest.Part, 500)
	for i := range many {
		many[i] = manifest.Part{Kind: mail.TextPart, Chunks: make([]chunk.ID, 3)}
	}
	total := 0
	for _, ids := range search.TextStretches(many) {
		total += len(ids)
	}
	if total > search.TextChunks || total < search.TextChunks-3 {
		t.Errorf("%d chunks", total)
	}
}

func FuzzAttachmentNames(f *testing.F) {
	f.Add([]byte("Content-Disposition: attachment; filename*0*=UTF-8''%C3; filename*1=\"b\\\"\"; name=c\r\n\tx"))
	f.Add([]byte("content-type: =;*=;;\"\n x"))
	f.Fuzz(func(t *testing.T, text []byte) {
		total := 0
		for name := range search.AttachmentNames(text) {
			total += len(name)
		}
		if total > 16*len(text)+16 {
			t.Errorf("names of %d bytes from %d", total, len(text))
		}
	})
}
