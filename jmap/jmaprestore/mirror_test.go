package jmaprestore_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/jmap/internal/jmaptest"
	"github.com/mailstrata/mailstrata/jmap/jmaprestore"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/restore"
)

// pruned restores into a server, and makes it exactly the archive.
func pruned(t *testing.T, r *repo.Repo, head repo.Head, s *jmaptest.Server) *restore.MirrorReport {
	t.Helper()
	u, err := jmap.ParseURL("jmap:https://bert@mail.example")
	if err != nil {
		t.Fatal(err)
	}
	c, err := archive.OpenManifest(t.Context(), r, head)
	if err != nil {
		t.Fatal(err)
	}
	target := jmaprestore.New(jmap.NewClient(jmap.Options{URL: u, Transport: s}), nil)
	defer target.Close()
	report, err := restore.Run(t.Context(), restore.Options{Contents: c, Target: target, ReportDir: t.TempDir(), Mirror: &restore.MirrorOptions{}})
	if err != nil || !report.Mirror.Done {
		t.Fatalf("%v, %+v", err, report)
	}
	return report.Mirror
}

// What the archive does not have is removed: messages of one mailbox, messages from one of several
// mailboxes, mailboxes. Flags are set. What comes meanwhile stays, and a second run finds nothing
// to do.
func TestPrune(t *testing.T) {
	for name, prepare := range map[string]func(*jmaptest.Server){
		"plain":         func(*jmaptest.Server) {},
		"one copy":      func(s *jmaptest.Server) { s.Dedup = true },
		"two at a time": func(s *jmaptest.Server) { s.Limits = jmaptest.Object{"maxObjectsInSet": 2, "maxObjectsInGet": 2} },
		"unavailable": func(s *jmaptest.Server) {
			n := 0
			s.Before = func(name string, args jmaptest.Object) string {
				if name != "Email/set" || n == 5 {
					return ""
				}
				n++
				return []string{"serverUnavailable", "rateLimit"}[n%2]
			}
		},
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { testPrune(t, prepare) }) })
	}
}

func testPrune(t *testing.T, prepare func(*jmaptest.Server)) {
	r, head := archived(t)
	s := jmaptest.New()
	prepare(s)
	if _, err := into(t, r, head, s); err != nil {
		t.Fatal(err)
	}
	want := in(s)
	id := func(name string) string {
		return s.Boxes[slices.IndexFunc(s.Boxes, func(b jmaptest.Box) bool { return b.Name == name })].ID
	}
	bridge := s.Mails()[slices.IndexFunc(s.Mails(), func(m *jmaptest.Mail) bool { return m.Body == message(10) })]
	keywords := maps.Clone(bridge.Keywords)
	s.Boxes = append(s.Boxes, jmaptest.Box{ID: "old", Name: "Old"}, jmaptest.Box{ID: "older", Name: "Older", Parent: "old"})
	s.Add(message(100), id("Inbox"))
	s.Add(message(101), id("Inbox"), "old")
	s.Add(message(102), "older")
	s.Change(bridge, func() {
		bridge.Boxes["old"], bridge.Boxes[id("Sent")], bridge.Keywords = true, true, map[string]bool{"$junk": true}
	})

	before, arrived := s.Before, 0
	s.Before = func(name string, args jmaptest.Object) string {
		if _, exact := args["ifInState"]; name == "Email/set" && exact && arrived < 2 {
			arrived++
			m := s.Add(message(200+arrived), id("Inbox"))
			if arrived == 2 { // another client keeps a message that is about to be destroyed
				kept := s.Mails()[slices.IndexFunc(s.Mails(), func(m *jmaptest.Mail) bool { return m.Body == message(100) })]
				s.Change(kept, func() { kept.Boxes[id("Sent")] = true })
			}
			_ = m
		}
		if before != nil {
			return before(name, args)
		}
		return ""
	}
	done := pruned(t, r, head, s)
	have := in(s)
	for path, bodies := range have {
		have[path] = slices.DeleteFunc(bodies, func(body string) bool { return strings.Contains(body, "message 20") })
	}
	// The message that was kept came to Sent after the comparison.
	have["/Sent"] = slices.DeleteFunc(have["/Sent"], func(body string) bool { return body == message(100) })
	if !reflect.DeepEqual(have, want) {
		t.Errorf("after %+v: have %q, want %q", done, have, want)
	}
	if !maps.Equal(bridge.Keywords, keywords) || done.FlagsSet != 1 && !(s.Dedup && done.FlagsSet == 2) || done.MailboxesRemoved != 2 || done.Removed != 6 || done.Left != 0 {
		t.Errorf("%+v, keywords %v", done, bridge.Keywords)
	}
	for _, m := range s.Mails() {
		if len(m.Boxes) == 0 {
			t.Errorf("a message is in no mailbox: %q", m.Body)
		}
	}
	last := pruned(t, r, head, s)
	if again := pruned(t, r, head, s); again.Removed+again.FlagsSet+again.MailboxesRemoved+again.Left > 0 || last.Left > 0 {
		t.Errorf("the next run: %+v, and after it: %+v", last, again)
	}
	if have := in(s); !reflect.DeepEqual(have, want) {
		t.Errorf("in the end: have %q, want %q", have, want)
	}
}
