package imaprestore

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/imap/imapclient"
	"github.com/mailstrata/mailstrata/imap/internal/fingerprint"
	"github.com/mailstrata/mailstrata/internal/printable"
	"github.com/mailstrata/mailstrata/mail"
)

// check compares appended messages with what was sent, and records its findings in the journal.
func (f *folder) check(ctx context.Context, added []*item) error {
	err := f.readBack(ctx, added)
	if err != nil {
		return err
	}
	for _, it := range added {
		if it.uid != 0 && (len(it.result.Changed) > 0 || it.result.Altered) {
			f.reported.Add(it.uid)
		}
	}
	return f.journal.Checked(journalMessages(added))
}

// readBack reads appended messages as far as servers are known to change them: flags, date and size
// of every message, and all bytes of those that have traits or changed their size. It stores the
// remaining flags first.
func (f *folder) readBack(ctx context.Context, added []*item) error {
	if err := f.retry(ctx, func() error { return f.findUIDs(ctx) }); err != nil {
		return err
	}
	byUID := map[mail.UID]*item{}
	var uids mail.UIDSet
	for _, it := range added {
		if it.uid == 0 {
			it.markLost()
			continue
		}
		byUID[it.uid] = it
		uids.Add(it.uid)
	}
	return f.retry(ctx, func() error {
		seen, err := f.checkOnce(ctx, byUID, uids)
		unseen := uids.Without(seen)
		if err != nil || unseen.Len() == 0 {
			return err
		}
		// Some servers report new messages only after a NOOP, and answer nothing about them until
		// then (Courier).
		if err := f.c.Noop(ctx); err != nil {
			return err
		}
		seen, err = f.checkOnce(ctx, byUID, unseen)
		for uid := range unseen.Without(seen).All() {
			if err == nil {
				byUID[uid].result.Added, byUID[uid].result.Refused = false, errMissing
			}
		}
		return err
	})
}

var errMissing = errors.New("the server accepted it, but does not have it")

// markLost notes that the message was not found among those that the server has.
func (it *item) markLost() {
	it.result.Altered = true
	it.changed("the server returned no UID for it, and has no message like it")
	for _, flag := range it.remaining {
		it.omit(flag, "")
	}
}

// checkOnce stores the remaining flags, compares messages with what was sent, and returns those
// that are there.
func (f *folder) checkOnce(ctx context.Context, byUID map[mail.UID]*item, uids mail.UIDSet) (mail.UIDSet, error) {
	if err := f.storeLabels(ctx, byUID, uids); err != nil {
		return mail.UIDSet{}, err
	}
	if err := f.storeRemaining(ctx, byUID, uids); err != nil {
		return mail.UIDSet{}, err
	}
	odd, seen, err := f.compareOverview(ctx, byUID, uids)
	if err != nil {
		return seen, err
	}
	return seen, f.compareBytes(ctx, byUID, odd)
}

// storeRemaining sets flags one by one, each on all messages that should have it. It does not try a
// refused flag again.
func (f *folder) storeRemaining(ctx context.Context, byUID map[mail.UID]*item, uids mail.UIDSet) error {
	wanting := uidGroups{}
	for uid := range uids.All() {
		for _, keyword := range byUID[uid].remaining {
			wanting.add(keyword, uid)
		}
	}
	for keyword, set := range wanting {
		if f.refusedKeywords[keyword] {
			continue
		}
		if err := f.mailbox.Store(ctx, set, "+", []string{keyword}); refused(err) {
			f.refusedKeywords[keyword] = true
		} else if err != nil {
			return err
		}
	}
	return nil
}

// compareOverview reports flags and dates that differ from what was sent. It returns the messages
// whose bytes have to be compared, and all that are there.
func (f *folder) compareOverview(ctx context.Context, byUID map[mail.UID]*item,
	uids mail.UIDSet) (odd []mail.Message, seen mail.UIDSet, err error) {
	for r := range uids.Ranges() {
		for m, err := range f.mailbox.Overview(ctx, r) {
			if err != nil {
				return nil, seen, err
			}
			it := byUID[m.UID]
			seen.Add(m.UID)
			for _, flag := range slices.Concat(it.flags, it.remaining) {
				if !m.Flags.Has(flag) {
					it.changedOnce("%s was not kept", flagWords(flag))
					it.result.FlagsLost = it.result.FlagsLost || isSystemFlag(flag)
				}
			}
			if it.date != "" && m.Internal.Resolved().Seconds != it.Internal.Seconds {
				it.changedOnce("the date %s became %s", it.Internal, printable.Text(m.Internal.String()))
			}
			if m.Size != it.text.Size || it.traits.Any() {
				odd = append(odd, m)
			}
			f.alters = f.alters || m.Size != it.text.Size && !it.traits.Any()
		}
	}
	return odd, seen, nil
}

func flagWords(flag string) string {
	if strings.HasPrefix(flag, `\`) {
		return "flag " + printable.Text(flag)
	}
	return "keyword " + printable.Text(flag)
}

// compareBytes fetches messages and reports how they differ from what was sent. It reads the
// archive after that, because a server does not wait for long, and because an error of the archive
// must not be taken for one of the server.
func (f *folder) compareBytes(ctx context.Context, byUID map[mail.UID]*item, odd []mail.Message) error {
	there := map[mail.UID]*received{}
	err := f.readEach(ctx, (*imapclient.Mailbox).Bodies, slices.Clone(odd), func(uid mail.UID, content io.Reader) error {
		r, err := receive(content)
		if err == nil {
			there[uid] = r
		}
		return err
	})
	for _, m := range odd {
		if f.undelivered.Contains(m.UID) {
			byUID[m.UID].result.Altered = true
			byUID[m.UID].changedOnce("the server does not deliver it")
		}
	}
	if err != nil {
		return err
	}
	for _, m := range odd {
		it, theirs := byUID[m.UID], there[m.UID]
		if theirs == nil {
			continue
		}
		mine, err := it.digests(ctx)
		if err != nil {
			return err
		}
		if mine.bytes != theirs.bytes {
			it.result.Altered = true
			it.describeAlteration(&theirs.traits, mine.normalized == theirs.normalized)
		}
	}
	return nil
}

// received is what is compared of the bytes that the server has.
type received struct {
	sent
	traits fingerprint.Traits
}

func receive(content io.Reader) (*received, error) {
	var r received
	all := sha256.New()
	prints, err := fingerprint.Of(func(w io.Writer) error {
		_, err := io.Copy(io.MultiWriter(all, &r.traits, w), content)
		return err
	})
	r.sent = sent{[sha256.Size]byte(all.Sum(nil)), prints.Normalized}
	return &r, err
}

// describeAlteration reports what the server did to the bytes, if that is a known alteration.
func (it *item) describeAlteration(is *fingerprint.Traits, known bool) {
	was := &it.traits
	ways := []struct {
		done  bool
		words string
	}{
		{was.BareLF && !is.BareLF, "bare line feeds became CRLF"},
		{was.BareCR() && !is.BareCR(), "bare carriage returns were dropped"},
		{was.NoEnd() && !is.NoEnd(), "its last line was ended"},
		{was.NUL && !is.NUL, "NUL became 0x80"},
		{was.EightBitHeader && !is.EightBitHeader, "8-bit bytes of its header became X"},
	}
	reported := false
	for _, way := range ways {
		if known && way.done {
			it.changedOnce("%s", way.words)
			reported = true
		}
	}
	if !reported {
		it.changedOnce("the server altered its bytes")
	}
}

// changedOnce notes a change, unless it is noted already.
func (it *item) changedOnce(format string, args ...any) {
	it.changed(format, args...)
	if n := len(it.result.Changed) - 1; slices.Contains(it.result.Changed[:n], it.result.Changed[n]) {
		it.result.Changed = it.result.Changed[:n]
	}
}

// uidGroups are messages that get the same by one command, by a key for what they get.
type uidGroups map[string]mail.UIDSet

func (g uidGroups) add(key string, uid mail.UID) {
	set := g[key]
	set.Add(uid)
	g[key] = set
}
