package mail

import (
	"fmt"
	"strings"
	"time"
)

// UID identifies a message within a mailbox and a UIDVALIDITY (RFC 9051 section 2.3.1.1). It is
// never 0.
type UID uint32

// Message is what FETCH returns for a message (RFC 9051 section 7.5.2), without its body.
type Message struct {
	UID      UID
	Flags    Flags
	Labels   []string // X-GM-LABELS of Gmail, raw and sorted; nil elsewhere
	Internal Date     // INTERNALDATE
	Saved    Date     // SAVEDATE (RFC 8514); zero: not known
	Size     int64    // RFC822.SIZE; a hint, because some servers are wrong by a factor of three; -1: not known
	ModSeq   uint64   // RFC 7162; 0: not known
	IDs      IDs
	Form     Form // how it was in a file
	Lacks    Lack // what the server did not give, although it was asked twice
}

// Lack is a set of attributes of a message that are not known. What the Message has in their place
// means nothing.
type Lack uint8

const (
	LacksFlags Lack = 1 << iota
	LacksLabels
	LacksDate // INTERNALDATE is missing or NIL: a text that is no date is kept as it is
)

// IDs identify a message across the mailboxes of a server. Each is empty if the server has none.
// They are hints and not proofs: two bodies can have one X-GUID.
type IDs struct {
	Email    string // EMAILID (RFC 8474)
	Thread   string // THREADID (RFC 8474)
	XGUID    string // X-GUID (Dovecot)
	GMMsg    string // X-GM-MSGID (Gmail)
	GMThread string // X-GM-THRID (Gmail)
}

// Date is an INTERNALDATE: an instant and a zone, or the raw text if these do not say all of it.
type Date struct {
	Seconds int64  // since 1970-01-01 00:00:00 UTC
	Zone    int16  // minutes east of UTC
	Raw     string // what the server sent, if Seconds and Zone do not give it back; they are 0 if it is no date-time
}

// SameInstant reports whether two dates are of the same moment, or are the same text if they cannot
// be read. Their zones may differ, because a server's zone changes between summer and winter.
func (d Date) SameInstant(other Date) bool {
	if !d.IsReadable() || !other.IsReadable() {
		return d.Raw == other.Raw && d.Seconds == other.Seconds
	}
	return d.Resolved().Seconds == other.Resolved().Seconds
}

// dateLayout is date-time (RFC 9051 section 9). The day is padded with a space, not a zero.
const dateLayout = "_2-Jan-2006 15:04:05 -0700"

// ParseDate parses a date-time (RFC 9051 section 9). It never fails: text that is no date-time
// becomes Raw. String inverts it.
func ParseDate(raw string) Date {
	t, err := time.Parse(dateLayout, raw)
	if err != nil {
		return Date{Raw: raw}
	}
	_, offset := t.Zone()
	d := Date{Seconds: t.Unix(), Zone: int16(offset / 60)}
	// Servers pad the day with a space (Cyrus) or a zero (Dovecot). Which one it was is not kept.
	if said := d.String(); said != raw && strings.Replace(said, " ", "0", 1) != raw {
		d.Raw = raw
	}
	return d
}

// String returns the date-time as the server sent it, except for the padding of the day. ParseDate
// inverts it.
func (d Date) String() string {
	if d.Raw != "" {
		return d.Raw
	}
	return d.Time().Format(dateLayout)
}

// Resolved returns the date with the instant and the zone that Raw says without a doubt, although
// it is no date-time (readOdd). The archive keeps the text alone, so that the record of a message
// stays as it is when a later program reads more.
func (d Date) Resolved() Date {
	if d.Raw == "" || d.Seconds != 0 || d.Zone != 0 {
		return d
	}
	if t, ok := readOdd(d.Raw); ok {
		_, offset := t.Zone()
		d.Seconds, d.Zone = t.Unix(), int16(offset/60)
	}
	return d
}

// Time returns the instant, in the zone that the server sent.
func (d Date) Time() time.Time {
	d = d.Resolved()
	zone := time.FixedZone(fmt.Sprintf("%+03d%02d", d.Zone/60, max(d.Zone%60, -d.Zone%60)), int(d.Zone)*60)
	return time.Unix(d.Seconds, 0).In(zone)
}

// IsReadable reports whether the server sent a date that Resolved understands. Seconds alone do not
// show that: 0 is a valid instant.
func (d Date) IsReadable() bool {
	if d.Raw == "" {
		return true
	}
	_, ok := readOdd(d.Raw)
	return ok
}

// zones are the zones that RFC 5322 section 4.3 allows by name, and UTC and Z. Other names are of
// several zones, or of none.
var zones = map[string]string{
	"GMT": "+0000", "UT": "+0000", "UTC": "+0000", "Z": "+0000",
	"EST": "-0500", "EDT": "-0400", "CST": "-0600", "CDT": "-0500",
	"MST": "-0700", "MDT": "-0600", "PST": "-0800", "PDT": "-0700",
}

// readOdd reads a date-time, also with a zone by name and with a leap second. A leap second is the
// second after it, as POSIX counts them. A date without a zone is not read: it would be a guess.
func readOdd(raw string) (t time.Time, ok bool) {
	text := raw
	if at := strings.LastIndexByte(text, ' '); at >= 0 {
		if offset := zones[strings.ToUpper(text[at+1:])]; offset != "" {
			text = text[:at+1] + offset
		}
	}
	before, after, leap := strings.Cut(text, ":60 ")
	if leap {
		text = before + ":59 " + after
	}
	t, err := time.Parse(dateLayout, text)
	if leap {
		t = t.Add(time.Second)
	}
	return t, err == nil
}

// IsZero reports whether there is no date.
func (d Date) IsZero() bool { return d == Date{} }
