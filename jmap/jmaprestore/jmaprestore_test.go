package jmaprestore_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/internal/archivetest"
	"github.com/mailstrata/mailstrata/jmap"
	"github.com/mailstrata/mailstrata/jmap/internal/jmaptest"
	"github.com/mailstrata/mailstrata/jmap/jmaprestore"
	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/restore"
)

// archived returns an archive with some mailboxes: two messages are in two of them, one of these
// with other flags there.
func archived(t *testing.T) (*repo.Repo, repo.Head) {
	t.Helper()
	r := newRepo(t)
	a := archivetest.NewAccount()
	for i := range 5 {
		a.Mailbox("INBOX").Add(message(i), `\Seen`)
		a.Mailbox("Projects/Bridge").Add(message(10+i), "work")
	}
	a.Mailbox("Sent").Add(message(0), `\Seen`)
	a.Mailbox("Sent").Add(message(1), `\Flagged`)
	return r, archivetest.Backup(t, r, a).Head
}

// into restores into a server.
func into(t *testing.T, r *repo.Repo, head repo.Head, s *jmaptest.Server) (*restore.Report, error) {
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
	return restore.Run(t.Context(), restore.Options{Contents: c, Target: target, ReportDir: t.TempDir()})
}

// in returns the bodies of the messages in mailboxes, by the paths of these.
func in(s *jmaptest.Server) map[string][]string {
	all := make(map[string][]string)
	for _, m := range s.Mails() {
		for id := range m.Boxes {
			path := ""
			for id := any(id); id != nil; {
				box := s.Boxes[slices.IndexFunc(s.Boxes, func(b jmaptest.Box) bool { return b.ID == id })]
				path, id = "/"+box.Name+path, box.Parent
			}
			all[path] = append(all[path], m.Body)
			slices.Sort(all[path])
		}
	}
	return all
}

// Whatever a server does in between, each message is there once in the end, and a second restore
// adds nothing.
func TestTrouble(t *testing.T) {
	once := func(method, failure string) func(*jmaptest.Server) {
		return func(s *jmaptest.Server) {
			failed := false
			s.Before = func(name string, _ jmaptest.Object) string {
				if name != method || failed {
					return ""
				}
				failed = true
				return failure
			}
		}
	}
	for name, trouble := range map[string]func(*jmaptest.Server){
		"none":                    func(*jmaptest.Server) {},
		"one copy":                func(s *jmaptest.Server) { s.Dedup = true },
		"two at a time":           func(s *jmaptest.Server) { s.Limits = jmaptest.Object{"maxObjectsInSet": 2, "maxObjectsInGet": 2} },
		"import is unavailable":   once("Email/import", "serverUnavailable"),
		"mailboxes are busy":      once("Mailbox/set", "rateLimit"),
		"the list is unavailable": once("Email/query", "serverFail"),
		"429": func(s *jmaptest.Server) {
			var n atomic.Int64
			s.Answer = func(w http.ResponseWriter, r *http.Request) bool {
				if n.Add(1)%3 != 0 {
					return false
				}
				w.Header().Set("Retry-After", "60")
				w.WriteHeader(http.StatusTooManyRequests)
				return true
			}
		},
		"an import without an answer": func(s *jmaptest.Server) {
			lost := 0
			s.After = func(name string, _, _ jmaptest.Object) {
				if name == "Email/import" {
					lost++
				}
			}
			s.Answer = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != "/api" || lost > 1 {
					return false
				}
				inner := *r
				before := lost
				answer := s.Answer
				s.Answer = nil
				s.ServeHTTP(w, &inner)
				s.Answer = answer
				if lost > before {
					w.Header().Set("Content-Type", "application/json")
					w.(interface{ Flush() }).Flush()
					panicked(w)
				}
				return true
			}
		},
		"uploads are forgotten": func(s *jmaptest.Server) {
			forgot := false
			s.Before = func(name string, _ jmaptest.Object) string {
				if name == "Email/import" && !forgot {
					forgot = true
					s.Forget()
				}
				return ""
			}
		},
		"keywords are refused": func(s *jmaptest.Server) {
			s.After = func(name string, args, result jmaptest.Object) {
				if name != "Email/import" {
					return
				}
				for key, email := range args["emails"].(map[string]any) {
					if email.(map[string]any)["keywords"].(map[string]any)["work"] == true {
						created := result["created"].(jmaptest.Object)
						id := created[key].(jmaptest.Object)["id"]
						delete(created, key)
						for _, m := range s.Mails() {
							if m.ID == id {
								s.Destroy(m)
							}
						}
						result["notCreated"].(jmaptest.Object)[key] = jmaptest.Object{"type": "invalidProperties", "properties": []string{"keywords"}}
					}
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r, head := archived(t)
				s := jmaptest.New()
				trouble(s)
				report, err := into(t, r, head, s)
				if err != nil || report.Refused+report.Failed > 0 {
					t.Fatalf("%v, %+v", err, report.Problems)
				}
				have := in(s)
				if len(have["/Inbox"]) != 5 || len(have["/Projects/Bridge"]) != 5 || len(have["/Sent"]) != 2 {
					t.Errorf("%d in Inbox, %d in Bridge, %d in Sent", len(have["/Inbox"]), len(have["/Projects/Bridge"]), len(have["/Sent"]))
				}
				// Message 0 is the same in both mailboxes. Message 1 is not, and stays two where
				// the server can have two.
				if n := len(s.Mails()); n != map[bool]int{true: 10, false: 11}[s.Dedup] {
					t.Errorf("%d messages", n)
				}
				s.Answer, s.Before, s.After = nil, nil, nil
				if again, err := into(t, r, head, s); err != nil || again.Added != 0 {
					t.Errorf("the second restore added %d messages, %v", again.Added, err)
				}
			})
		})
	}
}

// panicked makes an answer that ends in the middle.
func panicked(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadGateway)
}

// A message that the server refuses is kept as a file, and the others are added. A full account
// ends the restore.
func TestRefused(t *testing.T) {
	refuse := func(failure string) func(*jmaptest.Server) {
		return func(s *jmaptest.Server) {
			s.After = func(name string, _, result jmaptest.Object) {
				created, ok := result["created"].(jmaptest.Object)
				if name != "Email/import" || !ok {
					return
				}
				for key, made := range created {
					for _, m := range s.Mails() {
						if m.ID == made.(jmaptest.Object)["id"] && strings.Contains(m.Body, "message 12\r\n") {
							delete(created, key)
							s.Destroy(m)
							result["notCreated"].(jmaptest.Object)[key] = jmaptest.Object{"type": failure, "description": "no"}
						}
					}
				}
			}
		}
	}
	for failure, ends := range map[string]bool{"tooLarge": false, "invalidEmail": false, "something new": false, "overQuota": true} {
		synctest.Test(t, func(t *testing.T) {
			r, head := archived(t)
			s := jmaptest.New()
			refuse(failure)(s)
			report, err := into(t, r, head, s)
			if (err != nil) != ends || ends && !strings.Contains(err.Error(), failure) {
				t.Errorf("%s: %v", failure, err)
			}
			if !ends && (report.Refused != 1 || !strings.Contains(fmt.Sprint(report.Problems), failure) || len(in(s)["/Projects/Bridge"]) != 4) {
				t.Errorf("%s: %+v", failure, report)
			}
		})
	}
}

// A server that never serves ends the restore in bounded time.
func TestNeverServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, head := archived(t)
		s := jmaptest.New()
		s.Before = func(name string, _ jmaptest.Object) string {
			return map[bool]string{true: "serverUnavailable"}[name == "Email/import"]
		}
		began := time.Now()
		if _, err := into(t, r, head, s); err == nil || time.Since(began) > time.Hour {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// A dry run changes nothing and says how much is missing.
func TestDryRun(t *testing.T) {
	r, head := archived(t)
	s := jmaptest.New()
	if _, err := into(t, r, head, s); err != nil {
		t.Fatal(err)
	}
	s.Destroy(s.Mails()[0])
	c, err := archive.OpenManifest(t.Context(), r, head)
	if err != nil {
		t.Fatal(err)
	}
	u, _ := jmap.ParseURL("jmap:https://bert@mail.example")
	before := len(s.Mails())
	report, err := restore.Run(t.Context(), restore.Options{
		Contents: c, DryRun: true, Target: jmaprestore.New(jmap.NewClient(jmap.Options{URL: u, Transport: s}), nil),
	})
	if err != nil || len(s.Mails()) != before || report.Added == 0 || report.Added > 2 {
		t.Errorf("%v, %+v", err, report)
	}
}
