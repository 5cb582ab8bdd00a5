package mbox

import (
	"bytes"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/internal/header"
)

// fromDate is the date of a From line, as asctime(3) writes it. It has no zone and is in UTC (RFC
// 4155 appendix A).
const fromDate = "Mon Jan _2 15:04:05 2006"

// defaultSender is the sender in a From line if none is known.
const defaultSender = "MAILER-DAEMON"

// FromLine returns the From line of a message that arrived at a time, without its line end. A year
// before 1970 or after 9999 has no place in it: the nearest time is written.
func FromLine(arrived time.Time) string {
	if arrived.Unix() < 0 {
		arrived = time.Unix(0, 0)
	} else if last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC); arrived.After(last) {
		arrived = last
	}
	return "From " + defaultSender + " " + arrived.UTC().Format(fromDate)
}

// ParseFromLine returns the date of a From line, with or without its line end. ok is false for
// other lines: a line of text that begins with "From " has no date at its end.
func ParseFromLine(line string) (arrived time.Time, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "From ")
	if !ok {
		return time.Time{}, false
	}
	if at := strings.LastIndex(rest, " remote from "); at >= 0 { // UUCP
		rest = rest[:at]
	}
	words := strings.Fields(rest)
	if n := len(words); n > 0 && strings.HasPrefix(words[n-1], "(") { // +0200 (CEST)
		words = words[:n-1]
	}
	for first := range words {
		if len(words)-first > 7 || !isDay(words[first]) {
			continue
		}
		date := strings.Join(words[first:], " ")
		for _, layout := range fromDates {
			if t, err := time.Parse(layout, date); err == nil {
				return t, true
			}
		}
	}
	return time.Time{}, false
}

// IsFromLine reports whether a line begins a message. next is the beginning of the line after it.
// Newer versions of Thunderbird write nothing after "From ", and earlier ones sometimes "From - ".
// Then a field must follow, because a text can have such a line.
func IsFromLine(line, next []byte) bool {
	if !bytes.HasPrefix(line, []byte(fromWord)) {
		return false
	}
	switch string(bytes.TrimSpace(line[len(fromWord):])) {
	case "", "-":
		return header.IsField(next)
	}
	_, ok := ParseFromLine(string(line))
	return ok
}

// fromDates are the dates that programs write in From lines: without and with a zone, before the
// year or after it (Gmail, elm, mutt), without seconds, with the year before the time (add-ons of
// Thunderbird), and as in the field Date.
var fromDates = []string{
	"Mon Jan 2 15:04:05 2006", "Mon Jan 2 15:04:05 -0700 2006", "Mon Jan 2 15:04:05 2006 -0700",
	"Mon Jan 2 15:04:05 MST 2006", "Mon Jan 2 15:04:05 2006 MST", "Mon Jan 2 15:04 2006", "Mon Jan 2 15:04 MST 2006",
	"Mon Jan 2 15:04:05 MST DST 2006", "Mon Jan 2 2006 15:04:05", "Mon, 2 Jan 2006 15:04:05 -0700",
	"Mon, 2 Jan 2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05",
}

// usable reports whether a From line of a record may be written: a reader finds it, and it is one
// line.
func usable(line string) bool {
	_, ok := ParseFromLine(line)
	return ok && len(line) < maxFromLine && !strings.ContainsAny(strings.TrimSuffix(line, "\r"), "\r\n")
}

func isDay(word string) bool {
	switch strings.TrimSuffix(word, ",") {
	case "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun":
		return true
	}
	return false
}
