package e2e_test

import (
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/internal/demo"
)

// lieInTime writes a manifest of an empty account, without an alarm, as a thief of the key could.
func (s *timely) lieInTime() written {
	s.t.Helper()
	server, err := demo.Start(demo.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { server.Close() })
	if _, err := server.AddAccount("nobody", imapPassword); err != nil {
		s.t.Fatal(err)
	}
	return s.liar.backUp(0, server.URL("nobody"), "--name", s.last.Account, "--shrink-limit", "off")
}

// With a stolen writer's key, somebody writes a manifest without the account's mail, in time and
// without an alarm. The owner's next backup has all mail and names that manifest. So do list, check
// and doctor, until it is acknowledged.
func TestAFalseManifestIsNamed(t *testing.T) {
	t.Parallel()
	s := newTimely(t)
	forged := s.lieInTime()
	id := forged.ID[:8]
	acknowledge := "mailstrata forget --acknowledge " + id
	look := func(named bool) {
		t.Helper()
		for _, command := range [][]string{{"list"}, {"list", "--json"}, {"check"}, {"doctor", "--repo", "s3:" + s.minio.Endpoint + "/" + s.bucket}} {
			e := s.owner.must(0, command...)
			if named {
				s.names(e, id, "no alarm", "the account is empty: 21 messages before, none that night", acknowledge)
			} else if strings.Contains(e.stdout+e.stderr, "no alarm") || strings.Contains(e.stdout, "lacks mail") {
				t.Errorf("%s still names it:\n%s%s", e.call, e.stdout, e.stderr)
			}
		}
	}
	look(true)
	e := s.owner.must(4, "backup", "--imap", s.url)
	s.names(e, "manifest "+id, "the account is empty: 21 messages before, none that night", acknowledge, "mailstrata diff "+s.last.ID[:8]+" "+id)
	s.whole("latest", 21)
	if m := s.owner.backUp(0, s.url); m.NewMessages != 0 {
		t.Errorf("the night after it: %+v", m)
	}
	look(true)
	s.owner.must(0, "forget", "--acknowledge", id)
	look(false)

	again := s.lieInTime()
	s.owner.must(0, "forget", "--acknowledge", again.ID[:8])
	s.owner.backUp(0, s.url)
	s.whole("latest", 21)
}
