package imapsource_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/mail"
)

// The reason of a message that could not be archived says what happened, in the server's own words
// if it sent any.
func TestFailureReasons(t *testing.T) {
	refused := func(what, answer string) func(*model) misbehavior {
		match := regexp.MustCompile(what)
		return func(*model) misbehavior {
			return misbehavior{hear: func(s *session, tag, command string) bool {
				fields := strings.Fields(command + " . . .")
				uids, err := mail.ParseUIDSet(fields[2])
				if err != nil || !uids.Contains(3) || !match.MatchString(command) || s.box != s.boxes["INBOX"] {
					return false
				}
				s.say(tag + " " + answer)
				return true
			}}
		}
	}
	attempts := regexp.MustCompile(`in \d+ attempts`)
	onInbox := func(odd func(*model) misbehavior) func(*model) misbehavior {
		return func(m *model) misbehavior {
			say := odd(m).say
			return misbehavior{say: func(s *session, response string) []string {
				if s.box != s.boxes["INBOX"] {
					return []string{response}
				}
				return say(s, response)
			}}
		}
	}
	for _, test := range []struct {
		name string
		odd  func(*model) misbehavior
		want string
	}{
		{"a refusal for now", refused("BODY", "NO [UNAVAILABLE] the disk is slow"),
			"it could not be read in N attempts: UID FETCH: the server answered NO [UNAVAILABLE] the disk is slow"},
		{"a refusal", refused("BODY", "NO the disk is broken"),
			"it could not be read in N attempts: the server lists it but does not deliver it: UID FETCH: the server answered NO the disk is broken"},
		{"BYE", onInbox(onBody("3", func(s *session, _, _, _ string) []string { return bye(s, "* BYE the disk is broken\r\n") })),
			"it could not be read in N attempts: the server ended the connection: BYE the disk is broken"},
		{"a closed connection", onInbox(onBody("3", func(s *session, _, _, _ string) []string { return bye(s, "") })),
			"it could not be read in N attempts: lost the connection to localhost during UID FETCH: "}, // and how the connection ended
		{"wrong bytes", onInbox(onBody("3", func(_ *session, n, uid, literal string) []string {
			return []string{fmt.Sprintf("* %s FETCH (UID %s BODY[] {5}\r\n%s)", n, uid, literal)}
		})), "it could not be read in N attempts: localhost: UID FETCH: the server's answer cannot be read: it announces \"BODY[] {5}\", and neither "},
		{"a listing that is refused for now", refused("INTERNALDATE", "NO [UNAVAILABLE] the disk is slow"),
			"it could not be listed in N attempts: UID FETCH: the server answered NO [UNAVAILABLE] the disk is slow"},
	} {
		t.Run(test.name, func(t *testing.T) {
			in(t, func(n *dailyBackups) {
				b := n.backUp(test.odd(n.model))
				if b.Err != nil {
					t.Fatal(b.Err)
				}
				for _, f := range b.Manifest.Failures {
					if reason := attempts.ReplaceAllString(f.Reason, "in N attempts"); f.UID != 3 || !strings.HasPrefix(reason, test.want) {
						t.Errorf("message %d: %s", f.UID, f.Reason)
					}
				}
				if len(b.Manifest.Failures) != 1 {
					t.Errorf("failures: %v", b.Manifest.Failures)
				}
			})
		})
	}
}
