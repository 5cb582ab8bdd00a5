package backup

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
	vain     int              // losses in a row
	failures []manifest.Failure
}

const (
	// asksWhole is how often a window is asked for as a whole, with ever longer waits: more often the server is at
	// fault than a message.
	asksWhole = 3

	// asksInVain is how many questions in a row may be lost until the server is given up: more than it takes to find one
	// message in a window.
	asksInVain = 24
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
			l.vain = 0
			continue
		}
		l.vain++
		if !source.IsTransient(err) || l.vain == asksInVain {
			return err
		}
		l.session.Release()
		if err := l.session.Pause(ctx, min(l.vain, asksWhole), err); err != nil {
			return err
		}
		sets = append(sets, l.again(set, err)...)
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

// again is what to ask after the connection was lost: the same, or its halves; nothing if it is one message, and was it
// before.
func (l *listing) again(uids mail.UIDSet, cause error) []mail.UIDSet {
	if uids.Len() > 1 {
		if l.split = l.split || l.vain >= asksWhole || errors.Is(cause, mail.ErrFlood); !l.split {
			return []mail.UIDSet{uids}
		}
		first, second := halve(uids)
		return []mail.UIDSet{second, first}
	}
	uid := span(uids).First
	l.dropped[uid]++
	if l.dropped[uid] < strikesMost {
		return []mail.UIDSet{uids}
	}
	reason := fmt.Sprintf("the connection was lost each time it was asked for: %v", cause)
	l.failures = append(l.failures, manifest.Failure{Mailbox: l.session.Mailbox.Raw, UID: uid, Reason: reason})
	return nil
}

// halve divides a set of UIDs in the middle.
func halve(uids mail.UIDSet) (first, second mail.UIDSet) {
	half := uids.Len() / 2
	for r := range uids.Ranges() {
		n := min(half-first.Len(), r.Len())
		if n > 0 {
			first.AddRange(mail.UIDRange{First: r.First, Last: r.First + mail.UID(n-1)})
		}
		if n < r.Len() {
			second.AddRange(mail.UIDRange{First: r.First + mail.UID(n), Last: r.Last})
		}
	}
	return first, second
}
