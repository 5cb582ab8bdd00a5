package imaprestore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/imap"
)

// A refused message is sent again with fewer flags, and then without its date, because its bytes
// matter more. The report names what was left out.

// addReduced sends a refused message again with fewer flags and without its date.
func (f *folder) addReduced(ctx context.Context, it *item, refusal error) error {
	was := it.result.Changed
	if !f.reduce(it, refusal) {
		it.result.Refused = refusal
		return f.checkDropped(refusal)
	}
	err := f.add(ctx, []*item{it})
	if it.result.Refused != nil {
		it.result.Changed, it.result.FlagsLost = was, false // it was not added, so nothing of it was changed
	}
	return err
}

// maxDropped is how many messages in a row may each cost the connection. Beyond that, the server is
// at fault, and not the messages.
const maxDropped = 10

// checkDropped returns an error if the server has closed the connection at too many messages in a
// row.
func (f *folder) checkDropped(refusal error) error {
	if !errors.Is(refusal, errDropped) || f.t.dropped.Add(1) < maxDropped {
		return nil
	}
	return fmt.Errorf("%d messages in a row, and no other was added: %w", maxDropped, refusal)
}

// reduce leaves out the next thing that the server may refuse a message for. It returns false if
// nothing is left.
func (f *folder) reduce(it *item, refusal error) bool {
	isKeyword := func(flag string) bool { return !strings.HasPrefix(flag, `\`) }
	if keywords := slices.DeleteFunc(slices.Clone(it.flags),
		func(flag string) bool { return !isKeyword(flag) }); len(keywords) > 0 {
		it.remaining = append(it.remaining, keywords...) // one by one, after it is added
		it.flags = slices.DeleteFunc(it.flags, isKeyword)
		return true
	}
	if n := len(it.flags); n > 0 {
		it.flags = slices.DeleteFunc(it.flags, func(flag string) bool {
			if f.mailbox.CanSet(flag) {
				return false
			}
			it.omit(flag, ": the mailbox does not keep it")
			return true
		})
		if len(it.flags) < n {
			return true
		}
	}
	if len(it.flags) > 0 { // a server may refuse some flags that it announces: STORE sets the others one by one
		it.remaining, it.flags = append(it.remaining, it.flags...), nil
		return true
	}
	if it.date == "" || !it.mayRefuseDate(refusal) {
		return false
	}
	if utc := dateWords(it.Internal.Time().UTC()); it.oddZone() && it.date != utc {
		it.date = utc
		return true
	}
	it.date = ""
	it.changed("the date %s is left out, because the server refuses it", it.Internal)
	return true
}

// omit reports that a flag is left out.
func (it *item) omit(flag, why string) {
	it.changed("%s left out%s", flagWords(flag), why)
	it.result.FlagsLost = it.result.FlagsLost || isSystemFlag(flag)
}

// isSystemFlag reports whether a flag is one of RFC 9051 section 2.3.2. Some servers keep those
// that PERMANENTFLAGS does not list, so they are always sent.
func isSystemFlag(flag string) bool {
	return slices.ContainsFunc([]string{`\Answered`, `\Flagged`, `\Deleted`, `\Seen`, `\Draft`},
		func(system string) bool { return strings.EqualFold(system, flag) })
}

// mayRefuseDate reports whether the server may have refused a message for its date: some servers
// cannot hold that date, or the answer says so, or has no code with another reason. A message that
// is too large, for example, is not worth another upload.
func (it *item) mayRefuseDate(refusal error) bool {
	var answer *imap.Error
	if !errors.As(refusal, &answer) {
		return false
	}
	odd := it.oddZone() || it.Internal.Seconds < 0 || it.Internal.Seconds > math.MaxInt32
	unsaid := answer.Code == "" || answer.Code == "CANNOT"
	return odd || unsaid || answer.Status == "BAD" || strings.Contains(strings.ToLower(answer.Text), "date")
}

// oddZone reports whether no place on Earth has the zone of the date.
func (it *item) oddZone() bool { return it.Internal.Zone > 14*60 || it.Internal.Zone < -12*60 }
