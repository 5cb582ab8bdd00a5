package jmapsource_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/mailstrata/mailstrata/backup"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/jmap/internal/jmaptest"
	"github.com/mailstrata/mailstrata/jmap/jmapsource"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

const url = "jmap:https://anna@mail.example"

func client(t testing.TB, s http.RoundTripper) *jmap.Client {
	t.Helper()
	u, err := jmap.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	return jmap.NewClient(jmap.Options{URL: u, Password: "pw", Transport: s})
}

// try archives the account of a server.
func try(t testing.TB, r *repo.Repo, s *jmaptest.Server, opts jmapsource.Options) (*backup.Result, error) {
	t.Helper()
	from := jmapsource.New(client(t, s), opts)
	account := backup.Account{Name: "anna", URL: url, Source: from, Continue: from.Continue}
	results, err := backup.Run(t.Context(), r, []backup.Account{account}, backup.Options{Program: "test"})
	if err == nil {
		err = results[0].Err
	}
	return results[0], err
}

// archive archives the account of a server, which must succeed.
func archive(t testing.TB, r *repo.Repo, s *jmaptest.Server, opts jmapsource.Options) *backup.Result {
	t.Helper()
	b, err := try(t, r, s, opts)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// mailOf returns what an archive has, as lines.
func mailOf(t *testing.T, r *repo.Repo, b *backup.Result) []string {
	t.Helper()
	if len(b.Manifest.Failures) > 0 || !b.Manifest.Consistent {
		t.Fatalf("failures %v, consistent %t", b.Manifest.Failures, b.Manifest.Consistent)
	}
	return archivetest.ArchivedMail(t, r, b.Head)
}

// wanted returns what an archive of the server should have, as lines.
func wanted(s *jmaptest.Server, boxes map[string]string) (lines []string) {
	for _, m := range s.Mails() {
		var keywords, labels []string
		for k := range m.Keywords {
			keywords = append(keywords, k)
		}
		for id := range m.Boxes {
			if id != "tr" {
				labels = append(labels, boxes[id])
			}
		}
		slices.Sort(labels)
		line := func(box string, labels []string) {
			lines = append(lines, fmt.Sprintf("%s %v %v %s %q", box, jmap.Flags(keywords), labels, jmap.ParseDate(m.Date), m.Body))
		}
		if m.Boxes["tr"] {
			line("Trash", nil)
		}
		if len(labels) > 0 {
			line("All Mail", labels)
		}
	}
	slices.Sort(lines)
	return lines
}

func newRepo(t *testing.T) *repo.Repo { return archivetest.NewRepo(t, new(storetest.Memory)) }

// Whatever happens to an account from one night to the next, each night has what the account has,
// whether the server says what changed or forgets it, and however few calls and objects it takes.
func TestNights(t *testing.T) {
	for name, change := range map[string]func(*jmaptest.Server){
		"usual":       func(*jmaptest.Server) {},
		"few objects": func(s *jmaptest.Server) { s.Limits = jmaptest.Object{"maxObjectsInGet": 3, "maxObjectsInSet": 2} },
		"one call":    func(s *jmaptest.Server) { s.Limits = jmaptest.Object{"maxCallsInRequest": 1} },
		"no changes": func(s *jmaptest.Server) {
			s.Before = func(name string, _ jmaptest.Object) string {
				return map[bool]string{true: "unknownMethod"}[name == "Email/changes"]
			}
		},
		"no references": func(s *jmaptest.Server) {
			s.After = func(name string, args, result jmaptest.Object) {
				if args["#ids"] != nil {
					result["list"], result["notFound"] = []any{}, []any{}
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(1, 2))
			s, r := jmaptest.New(), newRepo(t)
			change(s)
			s.Boxes = append(s.Boxes, jmaptest.Box{ID: "p", Name: "Projects"})
			boxes := map[string]string{"in": `\Inbox`, "p": "Projects"}
			for night := range 12 {
				for range random.IntN(8) {
					disturb(s, random, []string{"in", "p", "tr"})
				}
				if night == 7 {
					s.Forgotten = 1 << 30
				}
				if night == 9 { // labels change, and no message does
					s.Boxes[2].Name, boxes["p"] = "Work", "Work"
				}
				have, want := mailOf(t, r, archive(t, r, s, jmapsource.Options{})), wanted(s, boxes)
				if !slices.Equal(have, want) {
					t.Fatalf("night %d: %s", night, archivetest.FirstDifference(have, want))
				}
				s.Take()
				again := mailOf(t, r, archive(t, r, s, jmapsource.Options{}))
				if requests, downloads := s.Take(); downloads != 0 || requests > 3 || !slices.Equal(again, want) {
					t.Fatalf("night %d: nothing changed: %d requests, %d downloads", night, requests, downloads)
				}
			}
		})
	}
}

// disturb changes something in the account.
func disturb(s *jmaptest.Server, random *rand.Rand, boxes []string) {
	mails := s.Mails()
	box := boxes[random.IntN(len(boxes))]
	if len(mails) < 3 || random.IntN(3) == 0 {
		s.Add(fmt.Sprintf("Subject: %d\r\n\r\n%d\r\n", random.Int(), random.Int()), box)
		return
	}
	m := mails[random.IntN(len(mails))]
	switch random.IntN(4) {
	case 0:
		s.Destroy(m)
	case 1:
		s.Change(m, func() { m.Keywords = map[string]bool{[]string{"$seen", "$flagged", "work"}[random.IntN(3)]: true} })
	case 2:
		s.Change(m, func() { m.Boxes = map[string]bool{box: true} })
	case 3:
		s.Change(m, func() { m.Boxes[box] = true })
	}
}

// A message that is deleted while it is read is no failure. One whose text the server does not
// find, or cuts off, is a named one, and comes the next night.
func TestTexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := jmaptest.New(), newRepo(t)
		gone := s.Add("Subject: gone\r\n\r\n", "in")
		for i := range 3 {
			s.Add(fmt.Sprintf("Subject: %d\r\n\r\ntext\r\n", i), "in")
		}
		s.Answer = func(w http.ResponseWriter, r *http.Request) bool {
			switch r.URL.Path {
			case "/download/bm0":
				if s.Mails()[0] == gone {
					s.Destroy(gone)
				}
			case "/download/bm1":
				w.WriteHeader(http.StatusNotFound)
				return true
			case "/download/bm2":
				_, _ = io.WriteString(w, "Subject: 1\r\n")
				return true
			case "/download/bm3":
				jmaptest.Page(w)
				return true
			}
			return false
		}
		b := archive(t, r, s, jmapsource.Options{})
		if n := len(archivetest.ArchivedMail(t, r, b.Head)); n != 0 || len(b.Manifest.Failures) != 3 {
			t.Fatalf("%d messages, failures %v", n, b.Manifest.Failures)
		}
		reasons := func(f manifest.Failure) bool { return f.UID > 0 && f.Reason != "" }
		if !slices.ContainsFunc(b.Manifest.Failures, reasons) {
			t.Errorf("failures %v", b.Manifest.Failures)
		}
		s.Answer = nil
		have, want := mailOf(t, r, archive(t, r, s, jmapsource.Options{})), wanted(s, map[string]string{"in": `\Inbox`})
		if !slices.Equal(have, want) || len(have) != 3 {
			t.Error(archivetest.FirstDifference(have, want))
		}
	})
}

// A server that fails leaves the archive as it is: a message that it forgets to mention, an empty
// list, a page for people, or any error never looks like deleted mail.
func TestNothingIsLost(t *testing.T) {
	drop := func(method string) func(*jmaptest.Server) {
		return func(s *jmaptest.Server) {
			s.After = func(name string, _, result jmaptest.Object) {
				if list, ok := result["list"].([]any); ok && name == method && len(list) > 1 {
					result["list"] = list[1:]
				}
			}
		}
	}
	before := func(method, failure string) func(*jmaptest.Server) {
		return func(s *jmaptest.Server) {
			s.Before = func(name string, args jmaptest.Object) string {
				if ids, ok := args["ids"].([]any); name != method || ok && len(ids) == 0 {
					return ""
				}
				return failure
			}
		}
	}
	for name, fault := range map[string]func(*jmaptest.Server){
		"Email/get leaves one out":  drop("Email/get"),
		"Email/get is unavailable":  before("Email/get", "serverUnavailable"),
		"Email/get is refused":      before("Email/get", "forbidden"),
		"Email/query is refused":    before("Email/query", "unsupportedSort"),
		"Mailbox/get fails":         before("Mailbox/get", "serverFail"),
		"Email/changes unavailable": before("Email/changes", "serverUnavailable"),
		"a short list": func(s *jmaptest.Server) {
			s.After = func(name string, args, result jmaptest.Object) {
				if ids, ok := result["ids"].([]string); ok && name == "Email/query" {
					result["ids"] = ids[:min(1, len(ids))]
					if number, _ := args["position"].(float64); number > 0 {
						result["ids"] = []string{}
					}
				}
			}
		},
		"an answer without ids": func(s *jmaptest.Server) {
			s.After = func(name string, _, result jmaptest.Object) {
				if name == "Email/query" {
					clear(result)
				}
			}
		},
		"the first page again and again": func(s *jmaptest.Server) {
			var first []string
			s.After = func(name string, args, result jmaptest.Object) {
				if name == "Email/query" {
					if number, _ := args["position"].(float64); number == 0 {
						first = result["ids"].([]string)[:1]
					}
					delete(result, "position")
					result["ids"] = first
				}
			}
		},
		"pages from another position": func(s *jmaptest.Server) {
			s.After = func(name string, _, result jmaptest.Object) {
				if name == "Email/query" {
					result["position"] = 2
				}
			}
		},
		"no mailboxes": func(s *jmaptest.Server) {
			s.After = func(name string, _, result jmaptest.Object) {
				if name == "Mailbox/get" {
					result["list"] = []any{}
				}
			}
		},
		"an answer without mailboxes": func(s *jmaptest.Server) {
			s.After = func(name string, _, result jmaptest.Object) {
				if name == "Mailbox/get" {
					delete(result, "list")
				}
			}
		},
		"a page": func(s *jmaptest.Server) {
			s.Answer = func(w http.ResponseWriter, r *http.Request) bool { jmaptest.Page(w); return true }
		},
		"half an answer": func(s *jmaptest.Server) {
			s.Answer = func(w http.ResponseWriter, r *http.Request) bool {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"methodResponses":[["Mailbox/get",{"list":[`)
				return r.URL.Path == "/api"
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, r := jmaptest.New(), newRepo(t)
				for i := range 5 {
					s.Add(fmt.Sprintf("Subject: %d\r\n\r\n", i), "in")
				}
				want := mailOf(t, r, archive(t, r, s, jmapsource.Options{}))
				m := s.Mails()[1]
				s.Change(m, func() { m.Keywords["work"] = true })
				s.Forgotten = map[bool]int{false: 1 << 30}[strings.HasPrefix(name, "Email/changes")]
				fault(s)
				if b, err := try(t, r, s, jmapsource.Options{}); err == nil {
					if have := archivetest.ArchivedMail(t, r, b.Head); len(have) != len(want) {
						t.Errorf("%d messages are left of %d", len(have), len(want))
					} else if strings.Contains(name, "mailboxes") {
						t.Errorf("the labels are from nowhere: %q", have)
					}
				}
				s.Answer, s.Before, s.After = nil, nil, nil
				have, want := mailOf(t, r, archive(t, r, s, jmapsource.Options{})), wanted(s, map[string]string{"in": `\Inbox`})
				if !slices.Equal(have, want) {
					t.Error(archivetest.FirstDifference(have, want))
				}
			})
		})
	}
}

// A server that was installed again, or restored from a backup, has other messages under ids that
// are archived, and may have other messages at a state that is archived. Each night has what the
// server has then.
func TestAnotherServer(t *testing.T) {
	for name, forgotten := range map[string]int{"that has forgotten the state": 1 << 30, "whose state is older": 0} {
		s, r := jmaptest.New(), newRepo(t)
		for i := range 40 {
			s.Add(fmt.Sprintf("Subject: %d\r\n\r\n%s", i, strings.Repeat("x", i)), "in")
		}
		archive(t, r, s, jmapsource.Options{})
		again := jmaptest.New()
		again.Forgotten = forgotten
		for i := range 20 {
			again.Add(fmt.Sprintf("Subject: another %d\r\n\r\n%s", i, strings.Repeat("y", i)), "in")
		}
		have, want := mailOf(t, r, archive(t, r, again, jmapsource.Options{})), wanted(again, map[string]string{"in": `\Inbox`})
		if !slices.Equal(have, want) {
			t.Errorf("a server %s: %s", name, archivetest.FirstDifference(have, want))
		}
	}
}

// An account that changes with each request ends, and has all that was there all the time.
func TestRestless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := jmaptest.New(), newRepo(t)
		s.After = func(name string, _, result jmaptest.Object) { // pages of four
			if ids, ok := result["ids"].([]string); ok && name == "Email/query" {
				result["ids"] = ids[:min(4, len(ids))]
			}
		}
		for i := range 9 {
			s.Add(fmt.Sprintf("Subject: stays %d\r\n\r\n", i), "in")
		}
		n := 0
		passes := s.Add("Subject: passes\r\n\r\n", "in")
		s.Before = func(name string, _ jmaptest.Object) string {
			if n++; strings.HasPrefix(name, "Email/") {
				s.Destroy(passes)
				passes = s.Add(fmt.Sprintf("Subject: passes %d\r\n\r\n", n), "in")
			}
			return ""
		}
		b := archive(t, r, s, jmapsource.Options{})
		have := slices.DeleteFunc(archivetest.ArchivedMail(t, r, b.Head), func(line string) bool { return !strings.Contains(line, "stays") })
		if len(have) != 9 || b.Manifest.Consistent {
			t.Errorf("%d messages, consistent %t", len(have), b.Manifest.Consistent)
		}
	})
}

// Mail that arrives while a large account is listed costs no second list, in this night and the
// next.
func TestArrivals(t *testing.T) {
	s, r := jmaptest.New(), newRepo(t)
	s.Limits = jmaptest.Object{"maxObjectsInGet": 4}
	for i := range 20 {
		s.Add(fmt.Sprintf("Subject: %d\r\n\r\n", i), "in")
	}
	queries := 0
	s.Before = func(name string, _ jmaptest.Object) string {
		if name == "Email/query" {
			queries++
			s.Add(fmt.Sprintf("Subject: arrives %d\r\n\r\n", queries), "in")
		}
		return ""
	}
	for range 2 {
		have, want := mailOf(t, r, archive(t, r, s, jmapsource.Options{})), wanted(s, map[string]string{"in": `\Inbox`})
		if !slices.Equal(have, want) {
			t.Error(archivetest.FirstDifference(have, want))
		}
		s.Add("Subject: later\r\n\r\n", "in")
	}
	if queries > 8 {
		t.Errorf("%d pages were read", queries)
	}
}

// Mailboxes have names of their own, whatever the server calls them and wherever it puts them.
func TestNames(t *testing.T) {
	s, r := jmaptest.New(), newRepo(t)
	s.Boxes = append(s.Boxes,
		jmaptest.Box{ID: "a", Name: "Twice"}, jmaptest.Box{ID: "b", Name: "Twice"},
		jmaptest.Box{ID: "c", Name: "x", Parent: "d"}, jmaptest.Box{ID: "d", Name: "y", Parent: "c"},
		jmaptest.Box{ID: "e", Name: "itself", Parent: "e"}, jmaptest.Box{ID: "f", Name: "orphan", Parent: "none"},
		jmaptest.Box{ID: "g", Name: "a/b"}, jmaptest.Box{ID: "h", Name: "a"}, jmaptest.Box{ID: "i", Name: "b", Parent: "h"},
		jmaptest.Box{ID: "j", Name: ""}, jmaptest.Box{ID: "k", Name: "inbox"}, jmaptest.Box{ID: "l", Name: "All Mail"},
		jmaptest.Box{ID: "m", Name: `\Sent`}, jmaptest.Box{ID: "a", Name: "again"}, jmaptest.Box{ID: "../odd id&", Name: "R&D\x1f"},
		jmaptest.Box{ID: "n", Name: "below", Parent: "g"}, jmaptest.Box{ID: "o", Name: "Größe", Role: "sent"})
	for i, box := range s.Boxes {
		s.Add(fmt.Sprintf("Subject: %d\r\n\r\n", i), box.ID)
	}
	b := archive(t, r, s, jmapsource.Options{})
	if n := len(mailOf(t, r, b)); n != len(s.Boxes) {
		t.Errorf("%d messages of %d", n, len(s.Boxes))
	}
	s.Take()
	asMailboxes := archive(t, r, s, jmapsource.Options{Mailboxes: true})
	lines := mailOf(t, r, asMailboxes)
	names := make(map[string]bool)
	for line := range archivetest.ArchivedUIDs(t, r, asMailboxes.Head) {
		names[strings.Split(line, " [")[0]] = true
	}
	// "again" has the id of another mailbox, so its message is in that one.
	if len(lines) != len(s.Boxes) || len(names) != len(s.Boxes)-1 {
		t.Errorf("%d messages in %d mailboxes of %d: %q", len(lines), len(names), len(s.Boxes), lines)
	}
}

// If the user leaves a mailbox out, its messages are not archived, unless they are in another one.
func TestSelection(t *testing.T) {
	s, r := jmaptest.New(), newRepo(t)
	s.Boxes = append(s.Boxes, jmaptest.Box{ID: "p", Name: "Private"})
	s.Add("Subject: private\r\n\r\n", "p")
	s.Add("Subject: both\r\n\r\n", "p", "in")
	s.Add("Subject: trash\r\n\r\n", "tr")
	wants := func(m mail.Mailbox) bool { return m.Name != "Private" && m.Name != "Trash" }
	from := jmapsource.New(client(t, s), jmapsource.Options{Wants: wants})
	account := backup.Account{Name: "anna", URL: url, Source: from, Continue: from.Continue, Select: wants}
	results, err := backup.Run(t.Context(), r, []backup.Account{account}, backup.Options{Program: "test"})
	if err = errors.Join(err, results[0].Err); err != nil {
		t.Fatal(err)
	}
	have := mailOf(t, r, results[0])
	if len(have) != 1 || !strings.HasPrefix(have[0], "INBOX") || !strings.Contains(have[0], "both") {
		t.Errorf("%q", have)
	}
}

// A state that is interrupted by the end of the run is not taken for one that was archived.
func TestInterrupted(t *testing.T) {
	s, r := jmaptest.New(), newRepo(t)
	for i := range 20 {
		s.Add(fmt.Sprintf("Subject: %d\r\n\r\n", i), "in")
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.Answer = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/download/bm7" {
			cancel()
		}
		return false
	}
	from := jmapsource.New(client(t, s), jmapsource.Options{})
	account := backup.Account{Name: "anna", URL: url, Source: from, Continue: from.Continue}
	if results, err := backup.Run(ctx, r, []backup.Account{account}, backup.Options{Program: "test"}); err == nil && results[0].Err == nil {
		t.Fatal("it was not interrupted")
	}
	s.Answer = nil
	have, want := mailOf(t, r, archive(t, r, s, jmapsource.Options{})), wanted(s, map[string]string{"in": `\Inbox`})
	if !slices.Equal(have, want) {
		t.Error(archivetest.FirstDifference(have, want))
	}
}
