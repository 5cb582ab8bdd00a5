package imapsource_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/archive"
)

// Cyrus 3.6 sends nonsense as MAILBOXID when it lists several mailboxes. The STATUS of a single
// mailbox has the right one, which is recorded.
func TestNonsenseAsMailboxID(t *testing.T) {
	listings := 0
	odd := offering(strings.Replace(allCaps, "LIST-STATUS", "LIST-STATUS OBJECTID", 1), func(*model) misbehavior {
		alone := false
		return misbehavior{hear: func(_ *session, _, command string) bool {
			alone = !strings.HasPrefix(command, "LIST")
			return false
		}, say: func(_ *session, response string) []string {
			before, _, found := strings.Cut(response, "MAILBOXID (")
			if found && !alone {
				listings++
				response = fmt.Sprintf("%sMAILBOXID (\x80\x81%d!))", before, listings)
			}
			return []string{response}
		}}
	})
	in(t, func(n *dailyBackups) {
		for night := range 3 {
			b := n.backUp(odd(n.model))
			n.check(fmt.Sprint(night), b, whole)
			m := b.Manifest
			if len(m.Warnings)+len(m.Alarm) > 0 || night > 0 && m.Totals.NewMessages > 0 {
				t.Errorf("night %d: %+v, warnings %q, alarms %q", night, m.Totals, m.Warnings, m.Alarm)
			}
			c, err := archive.OpenManifest(n.t.Context(), n.repo, b.Head)
			if err != nil {
				t.Fatal(err)
			}
			for mailbox, err := range c.Mailboxes(n.t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if want := fmt.Sprintf("F%d", mailbox.UIDValidity()); mailbox.Status.MailboxID != want {
					t.Errorf("night %d: mailbox %s has the id %q, want %s", night, mailbox.Name, mailbox.Status.MailboxID, want)
				}
			}
			if night == 1 { // renamed, and changed
				n.model.boxes["Later"] = n.model.boxes["R&-D"]
				delete(n.model.boxes, "R&-D")
				n.model.box("Later").expunge(2)
			}
		}
		if listings == 0 {
			t.Error("no garbage was sent")
		}
	})
}
