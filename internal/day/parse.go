package day

import (
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Interval is a period of time: from an instant until another, which is not in it.
type Interval struct{ From, Until time.Time }

// Forms are the forms that Parse reads, for errors.
const Forms = "2023, 2023-01, 2023-01-31, 2023-01-31T06:30, jan 2023, today, yesterday, friday, 2w or '2 weeks ago'"

// Parse reads a date or a time as people write it. now is the time of the person, whose zone counts
// where none is written.
//
//	2023                            the year
//	2023-01, jan 2023, january      the month; without a year, the last one that began
//	2023-01-31, 31 jan 2023         the day; also 2023/1/31 and jan 31, 2023
//	2023-01-31T06:30                the minute; also with a space, with seconds (:05), and as RFC 3339
//	today, yesterday, friday, fri   the day; a weekday is never today, but a week ago
//	2w, 1y6m, 3 days ago            the day so long ago: years, months, weeks and days; with hours (12h), the second
//	last week, this month           the calendar week, month or year; weeks begin on Monday
func Parse(text string, now time.Time) (Interval, bool) {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	for _, parse := range []func(string, time.Time) (Interval, bool){parseNumbers, parseTime, parseName, parseMonth, parseAgo, parseCalendar} {
		if i, ok := parse(text, now); ok {
			return i, true
		}
	}
	return Interval{}, false
}

// days returns the days from one to before another, as arguments of Start.
func days(
	now time.Time, year int, month time.Month, date int, untilYear int, untilMonth time.Month, untilDate int,
) Interval {
	zone := now.Location()
	return Interval{Start(year, month, date, zone), Start(untilYear, untilMonth, untilDate, zone)}
}

func oneDay(now time.Time, year int, month time.Month, date int) Interval {
	return days(now, year, month, date, year, month, date+1)
}

// parseNumbers reads a year, a month or a day in digits.
func parseNumbers(text string, now time.Time) (Interval, bool) {
	parts := strings.Split(strings.ReplaceAll(text, "/", "-"), "-")
	if len(parts) > 3 || len(parts[0]) != 4 {
		return Interval{}, false
	}
	n := [3]int{0, 1, 1}
	for i, part := range parts {
		var ok bool
		if n[i], ok = number(part); !ok || i > 0 && len(part) > 2 {
			return Interval{}, false
		}
	}
	year, month, date := n[0], time.Month(n[1]), n[2]
	switch {
	case !isDate(year, month, date):
		return Interval{}, false
	case len(parts) == 1:
		return days(now, year, 1, 1, year+1, 1, 1), true
	case len(parts) == 2:
		return days(now, year, month, 1, year, month+1, 1), true
	}
	return oneDay(now, year, month, date), true
}

// number reads a number of digits alone.
func number(text string) (int, bool) {
	if strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' }) || len(text) > 4 {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}

// isDate reports whether a day is in the calendar.
func isDate(year int, month time.Month, date int) bool {
	y, m, d := time.Date(year, month, date, 12, 0, 0, 0, time.UTC).Date()
	return year >= 1 && y == year && m == month && d == date
}

// parseTime reads a day with a time.
func parseTime(text string, now time.Time) (Interval, bool) {
	text = strings.ToUpper(text)
	for _, form := range []struct {
		layout string
		unit   time.Duration
	}{
		{"2006-01-02T15:04", time.Minute},
		{"2006-01-02 15:04", time.Minute},
		{"2006-01-02T15:04:05", time.Second},
		{"2006-01-02 15:04:05", time.Second},
		{time.RFC3339, time.Second},
		{"2006-01-02 15:04:05Z07:00", time.Second},
	} {
		if t, err := time.ParseInLocation(form.layout, text, now.Location()); err == nil {
			t = t.Truncate(time.Second)
			return Interval{t, t.Add(form.unit)}, true
		}
	}
	return Interval{}, false
}

// parseName reads the name of a day.
func parseName(text string, now time.Time) (Interval, bool) {
	name := strings.TrimPrefix(text, "last ")
	back, named := map[string]int{"today": 0, "yesterday": 1}[text]
	for ago := 1; ago <= 7 && !named; ago++ {
		weekday := strings.ToLower(now.AddDate(0, 0, -ago).Weekday().String())
		back, named = ago, name == weekday || name == weekday[:3]
	}
	year, month, date := now.Date()
	return oneDay(now, year, month, date-back), named
}

// parseMonth reads a month by its name, or a day of it.
func parseMonth(text string, now time.Time) (Interval, bool) {
	var month time.Month
	var numbers []int
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == '-' }) {
		n, isNumber := number(word)
		named := monthOf(word)
		switch {
		case isNumber:
			numbers = append(numbers, n)
		case named == 0 || month != 0:
			return Interval{}, false
		default:
			month = named
		}
	}
	switch {
	case month == 0 || len(numbers) > 2:
		return Interval{}, false
	case len(numbers) == 0:
		year := now.Year()
		if month > now.Month() {
			year--
		}
		return days(now, year, month, 1, year, month+1, 1), true
	case len(numbers) == 1 && numbers[0] >= 1000:
		return days(now, numbers[0], month, 1, numbers[0], month+1, 1), true
	case len(numbers) == 1:
		numbers = append(numbers, now.Year())
		if Start(numbers[1], month, numbers[0], now.Location()).After(now) {
			numbers[1]--
		}
	}
	date, year := numbers[0], numbers[1]
	if date >= 1000 {
		date, year = year, date
	}
	return oneDay(now, year, month, date), year >= 1000 && isDate(year, month, date)
}

// monthOf returns a month by its English name or the first three letters of it, or 0.
func monthOf(word string) time.Month {
	for month := time.January; month <= time.December; month++ {
		name := strings.ToLower(month.String())
		if word == name || word == name[:3] || word == "sept" && month == time.September {
			return month
		}
	}
	return 0
}

// maxAgo is the largest number of a unit. It is far from overflow.
const maxAgo = 10_000

// numberWords are the numbers that people write as words, before "ago".
var numberWords = map[string]int{
	"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
	"eleven": 11, "twelve": 12,
}

// parseAgo reads how long ago something is.
func parseAgo(text string, now time.Time) (Interval, bool) {
	text, ago := strings.CutSuffix(text, " ago")
	var years, months, dates, hours int
	rest, some := text, false
	for rest != "" {
		rest = strings.TrimLeft(rest, " ")
		digits := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if digits < 0 || digits == 0 && !ago {
			return Interval{}, false
		}
		n, err := strconv.Atoi(rest[:digits])
		if word, after, _ := strings.Cut(rest, " "); digits == 0 && numberWords[word] > 0 {
			n, rest = numberWords[word], after
		} else if err != nil || n > maxAgo {
			return Interval{}, false
		} else {
			rest = strings.TrimLeft(rest[digits:], " ")
		}
		letters := strings.IndexFunc(rest, func(r rune) bool { return !unicode.IsLetter(r) })
		if letters < 0 {
			letters = len(rest)
		}
		unit := rest[:letters]
		rest, some = rest[letters:], true
		switch strings.TrimSuffix(unit, "s") {
		case "y", "year":
			years += n
		case "m", "month":
			months += n
		case "w", "week":
			dates += 7 * n
		case "d", "day":
			dates += n
		case "h", "hour":
			hours += n
		default:
			return Interval{}, false
		}
	}
	if hours > 0 {
		t := now.AddDate(-years, -months, -dates).Add(-time.Duration(hours) * time.Hour).Truncate(time.Second)
		return Interval{t, t.Add(time.Second)}, some
	}
	year, month, date := now.AddDate(-years, -months, -dates).Date()
	return oneDay(now, year, month, date), some
}

// parseCalendar reads this or the last week, month or year.
func parseCalendar(text string, now time.Time) (Interval, bool) {
	which, unit, _ := strings.Cut(text, " ")
	back, ok := map[string]int{"this": 0, "last": 1}[which]
	if !ok {
		return Interval{}, false
	}
	year, month, date := now.Date()
	switch unit {
	case "year":
		return days(now, year-back, 1, 1, year-back+1, 1, 1), true
	case "month":
		return days(now, year, month-time.Month(back), 1, year, month-time.Month(back)+1, 1), true
	case "week":
		monday := date - (int(now.Weekday())+6)%7 - 7*back
		return days(now, year, month, monday, year, month, monday+7), true
	}
	return Interval{}, false
}
