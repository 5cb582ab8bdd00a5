package imapsource_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// At every command of a run, another program moves mail or renames mailboxes. A message that was
// somewhere all the time is in the manifest, which is consistent in the end and has no alarm. The
// next night has none either.
func TestChangesAtEveryCommand(t *testing.T) {
	var night *storetest.Memory
	in(t, func(n *dailyBackups) {
		n.check("ordinary", n.backUp(misbehavior{}), whole)
		night = n.store
	})
	for name, change := range map[string]func(m *model){
		"a move to a mailbox that was read":  func(m *model) { m.box("R&-D").moveFirst(m.box("INBOX")) },
		"a move to a mailbox to be read":     func(m *model) { m.box("INBOX").moveFirst(m.box("R&-D")) },
		"a move to a new mailbox":            func(m *model) { m.box("INBOX").moveFirst(m.box("A")) },
		"a rename to before those that wait": func(m *model) { m.rename("R&-D", "A") },
		"a rename of INBOX": func(m *model) {
			m.rename("INBOX", "A")
			m.box("INBOX").validity += 100
		},
		"two mailboxes that change their names": func(m *model) {
			m.boxes["Lists"], m.boxes["R&-D"] = m.boxes["R&-D"], m.boxes["Lists"]
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for at, more := 1, true; more; at++ {
				after(t, night, func(n *dailyBackups) {
					n.change()
					more = n.changeAt(at, change)
				})
			}
		})
	}
}

// changeAt makes a backup with a change at one of its commands, and checks it and the next one. It
// returns false if the backup has fewer commands.
func (n *dailyBackups) changeAt(at int, change func(*model)) bool {
	n.t.Helper()
	began, heard := n.model.bodies(), 0
	b := n.backUp(misbehavior{hear: func(s *session, _, command string) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if heard++; heard == at && command != "LOGOUT" {
			change(s.model)
		}
		return false
	}})
	if heard < at {
		return false
	}
	have := slices.Sorted(maps.Values(n.archived(b)))
	for body := range n.model.bodies() {
		if began[body] && !slices.ContainsFunc(have, func(h string) bool { return strings.HasSuffix(h, fmt.Sprintf("%q", body)) }) {
			n.t.Errorf("command %d: %q is missing", at, body)
		}
	}
	if b.Err != nil || !b.Manifest.Consistent || len(b.Manifest.Failures)+len(b.Manifest.Alarm) > 0 {
		n.t.Errorf("command %d: %v, consistent %t, %v, %v", at, b.Err, b.Manifest.Consistent, b.Manifest.Failures, b.Manifest.Alarm)
	}
	n.store.Advance(24 * time.Hour)
	b = n.backUp(misbehavior{})
	n.check(fmt.Sprintf("the night after command %d", at), b, whole)
	if b.Err == nil && len(b.Manifest.Alarm) > 0 {
		n.t.Errorf("the night after command %d: %v", at, b.Manifest.Alarm)
	}
	return true
}

// bodies returns all texts of the account.
func (m *model) bodies() map[string]bool {
	all := map[string]bool{}
	for _, b := range m.boxes {
		for _, msg := range b.mails {
			all[msg.body] = true
		}
	}
	return all
}

func (m *model) rename(from, to string) {
	m.boxes[to] = m.boxes[from]
	delete(m.boxes, from)
}

// moveFirst moves the first message.
func (b *modelBox) moveFirst(to *modelBox) {
	msg := b.mails[0]
	to.add(msg.body, msg.flags).date = msg.date
	b.expunge(msg.uid)
}
