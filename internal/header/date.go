package header

import (
	netmail "net/mail"
	"strconv"
	"strings"
	"time"
)

// Date returns the date that the value of a field Date has (RFC 5322 section 3.3). Programs have
// written it in many other ways: with names of zones that nobody else knows, with a zone of three
// digits or without a sign, with AM and PM, or without any zone. Such a date still says its day,
// and mostly its time. A zone that is not understood counts as UTC. ok is false if there is no day.
func Date(value string) (t time.Time, ok bool) {
	value = strings.TrimSpace(value)
	if t, err := netmail.ParseDate(value); err == nil {
		return t, true
	}
	fields := strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" \t,-()", r) })
	for i := 0; i+3 <= len(fields); i++ {
		day, err := time.Parse("2 Jan 2006",
			strings.Join([]string{fields[i], monthName(fields[i+1]), year(fields[i+2])}, " "))
		if err != nil {
			continue
		}
		return day.Add(timeOfDay(fields[i+3:])), true
	}
	return time.Time{}, false
}

// monthName returns the beginning of the name of a month, by which it is known.
func monthName(text string) string { return text[:min(len(text), len("Jan"))] }

// year returns the four digits of a year of which a date has two or three (RFC 5322 section 4.3).
func year(text string) string {
	n, err := strconv.Atoi(text)
	switch {
	case err != nil || len(text) > 3 || len(text) < 2 || n < 0:
		return text
	case len(text) == 2 && n < 50:
		n += 2000
	default:
		n += 1900
	}
	return strconv.Itoa(n)
}

// timeOfDay returns the time since midnight that begins a list of fields, or 0.
func timeOfDay(fields []string) time.Duration {
	if len(fields) == 0 {
		return 0
	}
	layouts, text := []string{"15:04:05", "15:04"}, fields[0]
	if len(fields) > 1 && (strings.EqualFold(fields[1], "AM") || strings.EqualFold(fields[1], "PM")) {
		layouts, text = []string{"3:04:05 PM", "3:04 PM"}, text+" "+strings.ToUpper(fields[1])
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second
		}
	}
	return 0
}
