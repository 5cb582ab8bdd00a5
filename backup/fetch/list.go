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

// listing lists the messages of a window, without bodies. A message can cost the connection even
// here: Dovecot reads a message of a Maildir to find its size, and says BYE if the file's name
// gives a wrong one. So listing halves what is not answered, as Downloader does.
type listing struct {
	session  *source.Session
	messages []mail.Message
	split    bool             // the window is no longer requested as a whole
	dropped  map[mail.UID]int // how often this message was requested alone, and an error came
	stalls   int              // errors in a row
	failures []manifest.Failure
}

const (
	// maxWhole is how often a window is requested as a whole, with growing waits. Usually the
	// server is at fault and not a message.
	maxWhole = 3

	// maxListStalls is how many requests in a row may fail before the server is given up: more than
	// it takes to isolate one message of a window.
	maxListStalls = 24
)

// list fills messages, ascending, each once. A message for which the server never answers becomes a
// failure.
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

// retrySets returns the sets to request after an error that may pass: the same set, or its halves,
// or nothing if it is one message that failed before.
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
	reason := fmt.Sprintf("it could not be listed in %d attempts: %v", l.dropped[uid], cause)
	l.failures = append(l.failures, manifest.Failure{Mailbox: l.session.Mailbox.Raw, UID: uid, Reason: reason})
	return nil
}
