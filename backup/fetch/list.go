package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/manifest"
)

// listing asks what there is of a window, without bodies. A message can cost the connection already here: Dovecot reads a
// Maildir's message to tell its size, and says BYE where the name of the file tells a wrong one. So what is not answered
// is asked in halves, as it is with bodies.
type listing struct {
	session  *source.Session
	messages []mail.Message
	split    bool             // the window is not asked for as a whole any more
	dropped  map[mail.UID]int // how often the connection was lost while this message was asked for alone
	stalls   int              // losses in a row
	failures []manifest.Failure
}

const (
	// maxWhole is how often a window is asked for as a whole, with ever longer waits: more often the server is at
	// fault than a message.
	maxWhole = 3

	// maxListStalls is how many questions in a row may be lost until the server is given up: more than it takes to find one
	// message in a window.
	maxListStalls = 24
)

// list fills messages, ascending, each once. What the server does not tell of whatever the question is a failure.
func (l *listing) list(ctx context.Context, uids mail.UIDSet) error {
	sets := []mail.UIDSet{uids}
	for len(sets) > 0 {
		set := sets[len(sets)-1]
		sets = sets[:len(sets)-1]
		view, err := l.session.Open(ctx)
		if err != nil {
			return err
		}
		err = l.ask(ctx, view, set)
		if err == nil {
			l.stalls = 0
			continue
		}
		l.stalls++
		if !source.IsTransient(err) || l.stalls == maxListStalls {
			return err
		}
		l.session.Release()
		if err := l.session.Pause(ctx, min(l.stalls, maxWhole), err); err != nil {
			return err
		}
		sets = append(sets, l.retrySets(set, err)...)
	}
	byUID := func(a, b mail.Message) int { return cmp.Compare(a.UID, b.UID) }
	slices.SortFunc(l.messages, byUID)
	l.messages = slices.CompactFunc(l.messages, func(a, b mail.Message) bool { return a.UID == b.UID })
	return nil
}

func (l *listing) ask(ctx context.Context, view source.View, uids mail.UIDSet) error {
	for message, err := range view.Messages(ctx, span(uids)) {
		if err != nil {
			return err
		}
		if uids.Contains(message.UID) {
			l.messages = append(l.messages, message)
		}
	}
	return nil
}

// retrySets is what to ask after the connection was lost: the same, or its halves; nothing if it is one message, and was it
// before.
func (l *listing) retrySets(uids mail.UIDSet, cause error) []mail.UIDSet {
	if uids.Len() > 1 {
		if l.split = l.split || l.stalls >= maxWhole || errors.Is(cause, mail.ErrFlood); !l.split {
			return []mail.UIDSet{uids}
		}
		first, second := halve(uids)
		return []mail.UIDSet{second, first}
	}
	uid := span(uids).First
	l.dropped[uid]++
	if l.dropped[uid] < maxAttempts {
		return []mail.UIDSet{uids}
	}
	reason := fmt.Sprintf("the connection was lost each time it was asked for: %v", cause)
	l.failures = append(l.failures, manifest.Failure{Mailbox: l.session.Mailbox.Raw, UID: uid, Reason: reason})
	return nil
}
