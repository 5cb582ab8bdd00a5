package manifest

// checkSums refuses figures of a manifest that do not add up. AllMailboxes checks those of
// mailboxes in tables.
func (m *Manifest) checkSums() error {
	t := m.Totals
	switch {
	case m.Account == "":
		return refuse("a manifest without an account")
	case m.State > Complete:
		return refuse("state %d", m.State)
	case min(t.Mailboxes, t.Messages, t.Bytes, t.Failures, t.NewMessages, t.NewBytes,
		t.TakenMessages, t.TakenBytes, t.Erased, m.Downloaded) < 0:
		return refuse("a total is negative: %+v", t)
	case t.Failures < int64(len(m.Failures)) || t.Failures > int64(len(m.Failures)) && len(m.Failures) < maxNotes:
		return refuse("%d failures in the totals, %d in the list", t.Failures, len(m.Failures))
	case !m.ServerPart.IsZero() && len(m.Server.ID)+len(m.Server.Capabilities)+len(m.Server.Namespaces) > 0:
		return refuse("what the server said is both inline and in a chunk")
	case len(m.Tables) > 0 && len(m.Mailboxes) > 0:
		return refuse("mailboxes both inline and in tables")
	case len(m.Tables) > 0:
		return checkCount("mailboxes", int(min(t.Mailboxes, maxMailboxes+1)), maxMailboxes)
	}
	var s sums
	failed := failedMailboxes(m.Failures)
	for i := range m.Mailboxes {
		if err := s.add(&m.Mailboxes[i], failed); err != nil {
			return err
		}
	}
	return s.compare(t)
}

// sums adds up mailboxes, which are given in ascending order.
type sums struct {
	Totals
	last string // the raw name of the last mailbox
}

func (s *sums) add(mb *Mailbox, failed map[string]bool) error {
	if s.Mailboxes > 0 && mb.Raw <= s.last {
		return refuse("mailbox %q after %q", mb.Raw, s.last)
	}
	if mb.Complete && failed[mb.Raw] {
		return refuse("mailbox %q is complete, but has failures", mb.Raw)
	}
	s.last = mb.Raw
	s.Mailboxes++
	s.Messages += mb.Messages
	s.Bytes += mb.Bytes
	s.Erased += mb.Erased.Len()
	if s.Bytes < 0 {
		return refuse("more than 2^63 bytes")
	}
	return nil
}

func (s *sums) compare(want Totals) error {
	if s.Mailboxes != want.Mailboxes || s.Messages != want.Messages || s.Bytes != want.Bytes ||
		s.Erased != want.Erased {
		return refuse("totals of %d mailboxes, %d messages, %d bytes, %d erased; the mailboxes add up to %d, %d, %d, %d",
			want.Mailboxes, want.Messages, want.Bytes, want.Erased, s.Mailboxes, s.Messages, s.Bytes, s.Erased)
	}
	return nil
}

func failedMailboxes(failures []Failure) map[string]bool {
	failed := make(map[string]bool)
	for _, f := range failures {
		failed[f.Mailbox] = true
	}
	return failed
}
