package mail

import (
	"fmt"
	"strings"
	"time"
)

// UID names a message within a mailbox and a UIDVALIDITY; never 0.
type UID uint32

// Message is what a server tells of a message, without its body.
type Message struct {
	UID      UID
	Flags    Flags
	Labels   []string // Gmail's labels (X-GM-LABELS), raw and sorted; nil elsewhere
	Internal Date     // INTERNALDATE
	Saved    Date     // SAVEDATE (RFC 8514); zero where unknown
	Size     int64    // RFC822.SIZE: a hint, some servers are wrong by a factor of three; -1: not told
	ModSeq   uint64   // 0: not told
	IDs      IDs
}

// IDs are the names that servers give to a message across mailboxes. Each is empty where the server has none.
// They are hints, never proofs: X-GUID can name two bodies.
type IDs struct {
	Email    string // EMAILID (RFC 8474)
	Thread   string // THREADID (RFC 8474)
	XGUID    string // X-GUID (Dovecot)
	GMMsg    string // X-GM-MSGID (Gmail)
	GMThread string // X-GM-THRID (Gmail)
}

// Date is an INTERNALDATE: an instant, with the zone in which the server told it, or the raw text where that is not
// all there is to tell.
type Date struct {
	Seconds int64  // since 1970-01-01 00:00:00 UTC
	Zone    int16  // minutes east of UTC
	Raw     string // set only where the other two do not give it back; they are 0 if it cannot be read
}

// SameInstant reports whether two dates are of the same moment. Their zones may differ, because a server's zone changes
// between summer and winter.
func (d Date) SameInstant(other Date) bool { return d.Seconds == other.Seconds && d.Raw == other.Raw }

// dateLayout is RFC 9051's date-time: the day is padded with a space, never a zero.
const dateLayout = "_2-Jan-2006 15:04:05 -0700"

// ParseDate reads a date-time (RFC 9051 section 9). It never fails: what it cannot read is kept raw.
func ParseDate(raw string) Date {
	t, err := time.Parse(dateLayout, raw)
	if err != nil {
		return Date{Raw: raw}
	}
	_, offset := t.Zone()
	d := Date{Seconds: t.Unix(), Zone: int16(offset / 60)}
	// Servers pad the day by a blank (Cyrus) or by 0 (Dovecot): both are right, and which it was is not kept.
	if said := d.String(); said != raw && strings.Replace(said, " ", "0", 1) != raw {
		d.Raw = raw
	}
	return d
}

// String is the date-time as the server sent it, but for the padding of the day; it inverts ParseDate.
func (d Date) String() string {
	if d.Raw != "" {
		return d.Raw
	}
	return d.Time().Format(dateLayout)
}

// Time is the instant, in the zone that the server told it in.
func (d Date) Time() time.Time {
	zone := time.FixedZone(fmt.Sprintf("%+03d%02d", d.Zone/60, max(d.Zone%60, -d.Zone%60)), int(d.Zone)*60)
	return time.Unix(d.Seconds, 0).In(zone)
}

// IsReadable reports whether what the server sent is a date. The instant alone does not tell: it is 0 of 1970 too.
func (d Date) IsReadable() bool {
	if d.Raw == "" {
		return true
	}
	_, err := time.Parse(dateLayout, d.Raw)
	return err == nil
}

// IsZero reports whether there is no date at all.
func (d Date) IsZero() bool { return d == Date{} }
