package imapsource_test

import (
	"slices"
	"strings"
)

// reordering misbehaves by sending the answers about the messages of one command in another order.
func reordering(order func(answers []string) []string) func(*model) misbehavior {
	return func(*model) misbehavior {
		held := map[*session][]string{}
		return misbehavior{say: func(s *session, response string) []string {
			if listed.MatchString(response) {
				held[s] = append(held[s], response)
				return nil
			}
			said := append(order(held[s]), response)
			delete(held, s)
			return said
		}}
	}
}

func backwards(answers []string) []string {
	slices.Reverse(answers)
	return answers
}

// disorderly are trials with what no client should count on: order, numbers, letters, line ends.
var disorderly = []trial{
	{"messages backwards", reordering(backwards), whole},
	{"each message thrice, at the end", reordering(func(answers []string) []string {
		return slices.Repeat(answers, 3)
	}), whole},
	{"each message has number 1", replacing(`^\* \d+ FETCH`, "* 1 FETCH"), whole},
	{"EXISTS that shrinks while messages are listed", preceding(" FETCH (", "* 1 EXISTS"), whole},
	{"EXISTS 0 of each mailbox", replacing(`^\* \d+ EXISTS`, "* 0 EXISTS"), whole},
	{"EXPUNGE of numbers that nobody has", preceding(" FETCH (", "* 4294967295 EXPUNGE\r\n* 0 EXPUNGE"), whole},
	{"BYE, and more after it", once(func(*session) bool { return true }, "* BYE [UNAVAILABLE] maintenance at 8", "* 5 EXPUNGE"), whole},
	{"LF alone", func(*model) misbehavior {
		return misbehavior{say: func(s *session, response string) []string {
			if body.MatchString(response) {
				response = strings.Replace(response, "\r\n", "\n", 1) // before the literal, which stays
			}
			s.put(response + "\n")
			return nil
		}}
	}, whole},
	{"blanks at the ends of lines", saying(func(_ *session, response string) []string { return []string{response + "  "} }), whole},
	{"a name of 1,000 levels", func(m *model) misbehavior {
		m.box(strings.Repeat("a/", 1000)+"b").add("Subject: deep\r\n\r\n", "")
		return misbehavior{}
	}, whole},
	{"names with wildcards, quotes and controls", func(m *model) misbehavior {
		for _, name := range []string{"%", "*", "a%b", `a"b`, `a\b`, "a\x07b", "a\x7fb", "(x)", "{5}", "NIL", " ", "a ", "..", "/", "a//b", "\x1b[31mred"} {
			m.box(name).add("Subject: named\r\n\r\n"+name, "")
		}
		return misbehavior{}
	}, whole},
	{"a hierarchy delimiter that changes", func(*model) misbehavior {
		n := 0
		return misbehavior{say: func(_ *session, response string) []string {
			if strings.HasPrefix(response, "* LIST") {
				n++
				delimiters := []string{`"/"`, `"."`, "NIL", `"\\"`, `"\""`, `" "`, `""`, `"//"`}
				response = strings.Replace(response, `"/"`, delimiters[n%len(delimiters)], 1)
			}
			return []string{response}
		}}
	}, whole},
}
