package imapsource_test

import (
	"fmt"
	"regexp"
	"strings"
)

// trial is a way to misbehave, and how a backup may end then.
type trial struct {
	name string
	odd  func(m *model) misbehavior
	want verdict
}

// saying misbehaves by sending each response in another form.
func saying(say func(s *session, response string) []string) func(*model) misbehavior {
	return func(*model) misbehavior { return misbehavior{say: say} }
}

// replacing misbehaves by sending b for a, a regular expression.
func replacing(a, b string) func(*model) misbehavior {
	match := regexp.MustCompile(a)
	return saying(func(_ *session, response string) []string {
		return []string{match.ReplaceAllString(response, b)}
	})
}

// withholding misbehaves by leaving out what matches, in the first answer about each message.
func withholding(a string) func(*model) misbehavior { return atFirst(a, "") }

// atFirst misbehaves by sending b for a, a regular expression, in the first answer about each
// message.
func atFirst(a, b string) func(*model) misbehavior {
	match := regexp.MustCompile(a)
	return func(*model) misbehavior {
		asked := map[string]bool{}
		return misbehavior{say: func(_ *session, response string) []string {
			if of := listed.FindString(response); of != "" && match.MatchString(response) && !asked[of] {
				asked[of] = true
				return []string{match.ReplaceAllString(response, b)}
			}
			return []string{response}
		}}
	}
}

// listed matches the beginning of an answer about a message.
var listed = regexp.MustCompile(`^\* \d+ FETCH \(UID \d+`)

// preceding misbehaves by sending another response before each with this text, and before the end
// of each command.
func preceding(text, another string) func(*model) misbehavior {
	return saying(func(_ *session, response string) []string {
		if strings.Contains(response, text) || !strings.HasPrefix(response, "*") {
			return []string{another, response}
		}
		return []string{response}
	})
}

// offering misbehaves by offering only these capabilities, and in another way.
func offering(caps string, odd func(*model) misbehavior) func(*model) misbehavior {
	return func(m *model) misbehavior {
		o := misbehavior{}
		if odd != nil {
			o = odd(m)
		}
		o.caps = caps
		return o
	}
}

// refusing misbehaves by answering matching commands in this way, so many times.
func refusing(match, answer string, times int) func(*model) misbehavior {
	is := regexp.MustCompile(match)
	return func(*model) misbehavior {
		left := times
		return misbehavior{hear: func(s *session, tag, command string) bool {
			if left == 0 || !is.MatchString(command) {
				return false
			}
			left--
			s.say(tag + " " + answer)
			return true
		}}
	}
}

// disconnecting misbehaves by ending the connection at each matching command.
func disconnecting(match string) func(*model) misbehavior {
	is := regexp.MustCompile(match)
	return func(*model) misbehavior {
		return misbehavior{hear: func(s *session, _, command string) bool {
			if is.MatchString(command) {
				bye(s, "")
				return true
			}
			return false
		}}
	}
}

const always = -1

// body matches a FETCH of a body: number, UID, and the literal.
var body = regexp.MustCompile(`(?s)^\* (\d+) FETCH \(UID (\d+) (BODY\[\] \{\d+\}\r\n.*)\)$`)

// onBody misbehaves by sending bodies in another form, the n-th of each mailbox if n is not 0.
func onBody(n string, say func(s *session, number, uid, literal string) []string) func(*model) misbehavior {
	return saying(func(s *session, response string) []string {
		if m := body.FindStringSubmatch(response); m != nil && (n == "" || m[2] == n) {
			return say(s, m[1], m[2], m[3])
		}
		return []string{response}
	})
}

// once misbehaves when it is about to send the first body of INBOX. It reports what happens, if it
// should, and goes on or ends the connection.
func once(happen func(s *session) (goOn bool), said ...string) func(*model) misbehavior {
	return func(*model) misbehavior {
		done := false
		return misbehavior{say: func(s *session, response string) []string {
			if !done && s.box == s.boxes["INBOX"] && body.MatchString(response) {
				done = true
				s.mu.Lock()
				goOn := happen(s)
				s.mu.Unlock()
				if !goOn {
					return bye(s, "* BYE\r\n")
				}
				return append(said, response)
			}
			return []string{response}
		}}
	}
}

// bye ends the connection.
func bye(s *session, words string) []string {
	s.put(words)
	s.conn.Close()
	return nil
}

const (
	withoutQRESYNC = "IMAP4rev1 ENABLE CONDSTORE LIST-EXTENDED LIST-STATUS ESEARCH UNSELECT NAMESPACE ID"
	old            = "IMAP4rev1"
)

var trials = []trial{
	{"as it should be", func(*model) misbehavior { return misbehavior{} }, whole},
	{"IMAP4rev1 alone", offering(old, nil), whole},
	{"CONDSTORE alone", offering(withoutQRESYNC, nil), whole},

	// Responses to FETCH.
	{"UID after the body", onBody("", func(_ *session, n, uid, literal string) []string {
		return []string{fmt.Sprintf("* %s FETCH (%s UID %s)", n, literal, uid)}
	}), whole},
	{"body in two halves", onBody("", func(_ *session, n, uid, literal string) []string {
		return []string{fmt.Sprintf("* %s FETCH (UID %s)", n, uid), fmt.Sprintf("* %s FETCH (%s)", n, literal)}
	}), whole},
	{"FETCH in two halves", replacing(`^(\* \d+ FETCH \()(UID \d+) (.*) (INTERNALDATE .*)$`, "$1$2 $3)\r\n$1$2 $4"), whole},
	{"FETCH in two halves, the UID in the second", replacing(`^(\* \d+ FETCH \()(UID \d+) (.*) (INTERNALDATE .*)$`, "$1$3)\r\n$1$2 $4"), whole},
	{"each FETCH twice", saying(func(_ *session, response string) []string {
		if strings.Contains(response, " FETCH (") {
			return []string{response, response}
		}
		return []string{response}
	}), whole},
	{"message left out", onBody("3", func(*session, string, string, string) []string { return nil }), gaps},
	{"message not listed", saying(func(_ *session, response string) []string {
		if strings.Contains(response, " FETCH (UID 3 ") {
			return nil
		}
		return []string{response}
	}), gaps},
	{"NIL body", onBody("3", func(_ *session, n, uid, _ string) []string {
		return []string{fmt.Sprintf("* %s FETCH (UID %s BODY[] NIL)", n, uid)}
	}), gaps},
	{"empty body", onBody("3", func(_ *session, n, uid, _ string) []string {
		return []string{fmt.Sprintf("* %s FETCH (UID %s BODY[] {0}\r\n)", n, uid)}
	}), gaps},
	{"bodies in quotes, over several lines", replacing(`(?s)BODY\[\] \{\d+\}\r\n(.*)\)$`, `BODY[] "$1")`), gaps},
	{"bodies in quotes, with quotes in them", replacing(`(?s)BODY\[\] \{\d+\}\r\n(.*)\)$`, `BODY[] "x: "y" z")`), gaps},
	{"poison: it hangs up", onBody("3", func(s *session, _, _, _ string) []string { return bye(s, "") }), gaps},
	{"poison: BYE", onBody("3", func(s *session, _, _, _ string) []string { return bye(s, "* BYE internal error\r\n") }), gaps},
	{"poison: it hangs up within the body", onBody("3", func(s *session, n, uid, literal string) []string {
		return bye(s, fmt.Sprintf("* %s FETCH (UID %s %s", n, uid, literal[:len(literal)-7]))
	}), gaps},
	{"poison: it stalls within the body", onBody("3", func(s *session, n, uid, literal string) []string {
		s.put(fmt.Sprintf("* %s FETCH (UID %s %s", n, uid, literal[:len(literal)-7]))
		s.stall()
		return nil
	}), gaps},
	{"poison: NO [UNAVAILABLE]", func(*model) misbehavior {
		return misbehavior{hear: func(s *session, tag, command string) bool {
			if !strings.Contains(command, "BODY.PEEK") || !strings.Contains(" 1:12 1:14 3 1:5 1:3 2:3 3:5 3:12 ", " "+strings.Fields(command)[2]+" ") {
				return false
			}
			s.say(tag + " NO [UNAVAILABLE] UID FETCH failed")
			return true
		}}
	}, gaps | maybe},
	{"literal of 8 GB", onBody("3", func(s *session, n, uid, _ string) []string {
		return bye(s, fmt.Sprintf("* %s FETCH (UID %s BODY[] {8589934592}\r\nabc", n, uid))
	}), gaps},
	{"literal shorter than announced", onBody("3", func(_ *session, n, uid, literal string) []string {
		return []string{fmt.Sprintf("* %s FETCH (UID %s %s)", n, uid, strings.Replace(literal, "{", "{1", 1))}
	}), gaps},
	{"literal longer than announced", onBody("3", func(_ *session, n, uid, literal string) []string {
		return []string{fmt.Sprintf("* %s FETCH (UID %s BODY[] {5}\r\n%s)", n, uid, literal)}
	}), gaps},
	{"sizes too large", replacing(`RFC822.SIZE (\d+)`, "RFC822.SIZE 3$1"), whole},
	{"sizes too small", replacing(`RFC822.SIZE (\d+)`, "RFC822.SIZE 1"), whole},
	{"sizes of 0", replacing(`RFC822.SIZE (\d+)`, "RFC822.SIZE 0"), whole},
	{"sizes of 80 bits", replacing(`RFC822.SIZE (\d+)`, "RFC822.SIZE 999999999999999999999999"), whole},
	{"no sizes", replacing(` RFC822.SIZE (\d+)`, ""), whole},
	{"FLAGS missing at first", withholding(` FLAGS \(.*?\)`), whole},
	{"INTERNALDATE missing at first", withholding(` INTERNALDATE ".*?"`), whole},
	{"INTERNALDATE cut short at first", withholding(`-\d{4} [\d:]+ \+\d+`), whole},
	{"FLAGS cut short at first", atFirst(`FLAGS \((\S*).*?\)(.*)\)$`, "$2 FLAGS ($1"), whole},
	{"FLAGS without parentheses at first", atFirst(`FLAGS \((\S+).*?\)`, "FLAGS $1"), whole},
	{"FLAGS and INTERNALDATE missing at first", withholding(` (FLAGS|INTERNALDATE) (\(.*?\)|".*?")`), whole},
	{"unrequested messages", replacing(`^(\* \d+ FETCH.*)$`, "* 99 FETCH (UID 4000 FLAGS (x) BODY[] {3}\r\nabc)\r\n$1"), whole},

	// Numbers.
	{"UIDVALIDITY over 32 bits", replacing(`UIDVALIDITY (\d+)`, "UIDVALIDITY 99999999999"), restless},
	{"UIDNEXT over 32 bits", replacing(`UIDNEXT (\d+)`, "UIDNEXT 99999999999"), restless},
	{"UID over 32 bits", replacing(`FETCH \(UID 3 `, "FETCH (UID 4294967299 "), gaps},
	{"UID 0", replacing(`FETCH \(UID 3 `, "FETCH (UID 0 "), gaps},
	{"MESSAGES over 32 bits", replacing(`MESSAGES (\d+)`, "MESSAGES 99999999999"), restless},
	{"2^32-1 messages", saying(func(_ *session, response string) []string {
		response = regexp.MustCompile(`(MESSAGES|UIDNEXT) \d+`).ReplaceAllString(response, "$1 4294967295")
		return []string{regexp.MustCompile(`^\* \d+ EXISTS`).ReplaceAllString(response, "* 4294967295 EXISTS")}
	}), gaps},
	{"EXISTS over 64 bits", replacing(`^\* \d+ EXISTS`, "* 99999999999999999999999 EXISTS"), whole},
	{"HIGHESTMODSEQ over 64 bits", replacing(`HIGHESTMODSEQ (\d+)`, "HIGHESTMODSEQ 99999999999999999999999"), whole},
	{"no UIDVALIDITY", replacing(`UIDVALIDITY (\d+)`, "UIDVALIDITY 0"), restless | maybe},
	{"EXAMINE without numbers", replacing(`^\* OK \[(UID|HIGH).*`, "* OK"), whole},

	{"UIDs up to 2^32-2", func(m *model) misbehavior {
		if b := m.box("High"); b.next == 1 {
			b.next, b.modseq = 1<<32-5, 1<<63-20
			for range 4 {
				b.add("Subject: high\r\n\r\n", `\Seen`)
			}
		}
		return misbehavior{}
	}, whole},
	{"mod-sequences up to 2^64-1", func(m *model) misbehavior {
		for _, b := range m.boxes {
			if b.modseq < 1<<63 {
				b.modseq += 1<<64 - 1 - 100
			}
		}
		return misbehavior{}
	}, whole},
	{"UIDNEXT of empty mailboxes", replacing(`(MESSAGES 0.*)UIDNEXT \d+`, "${1}UIDNEXT 4294967295"), whole},
	{"UIDNEXT 0 of empty mailboxes", replacing(`(MESSAGES 0.*)UIDNEXT \d+`, "${1}UIDNEXT 0"), restless},
	{"UIDNEXT too low", replacing(`UIDNEXT \d+`, "UIDNEXT 2"), gaps | maybe},

	// Mod-sequences.
	{"HIGHESTMODSEQ falls", replacing(`HIGHESTMODSEQ \d+`, "HIGHESTMODSEQ 1"), whole},
	{"HIGHESTMODSEQ never moves", saying(func(_ *session, response string) []string {
		response = regexp.MustCompile(`HIGHESTMODSEQ \d+`).ReplaceAllString(response, "HIGHESTMODSEQ 100")
		return []string{regexp.MustCompile(`MODSEQ \(\d+\)`).ReplaceAllString(response, "MODSEQ (100)")}
	}), whole},
	{"HIGHESTMODSEQ without CONDSTORE", offering(old, replacing(`^\* OK \[UIDNEXT`, "* OK [HIGHESTMODSEQ 17] x\r\n* OK [UIDNEXT")), whole},
	{"NOMODSEQ", replacing(`^\* OK \[HIGHESTMODSEQ.*`, "* OK [NOMODSEQ] no"), whole},
	{"CONDSTORE is BAD to EXAMINE", refusing(`^EXAMINE .*CONDSTORE`, "BAD what?", always), whole},
	{"CHANGEDSINCE is BAD", refusing(`CHANGEDSINCE`, "BAD what?", always), whole},
	{"MODSEQ is BAD", refusing(`UID FETCH.*MODSEQ`, "BAD what?", always), whole},
	{"VANISHED of all", replacing(`^\* VANISHED .*`, "* VANISHED (EARLIER) 1:4294967295"), whole},
	{"no VANISHED", replacing(`^\* VANISHED .*`, "* OK"), whole},

	{"a mod-sequence without flags", preceding(" FETCH ", "* 1 FETCH (UID 1 MODSEQ (5))"), whole},

	// What happens meanwhile.
	{"EXPUNGE, FETCH and VANISHED unasked", once(func(s *session) bool {
		s.box.expunge(5)
		s.box.flag(2, `\Draft`)
		return true
	}, "* 5 EXPUNGE", "* VANISHED 5", "* 11 EXISTS", "* 0 RECENT", `* 2 FETCH (FLAGS (\Draft))`, `* 3 FETCH (UID 3 FLAGS (x) MODSEQ (99))`), whole},
	{"NIL for a message just expunged", once(func(s *session) bool {
		s.box.expunge(6)
		s.box.expunge(7)
		return true
	}, "* 6 FETCH (UID 6 BODY[] NIL)", "* 7 FETCH (UID 7 RFC822.SIZE 0 BODY[] {0}\r\n)"), whole},
	{"recreated under the reader: BYE", once(func(s *session) bool {
		recreate(s)
		return false
	}), whole},
	{"recreated under the reader, who reads on", once(func(s *session) bool {
		recreate(s)
		s.box = s.boxes["INBOX"]
		s.view = s.box.mails
		return true
	}), whole},
	{"renumbered under the reader", once(func(s *session) bool {
		s.box.renumber()
		return false
	}), whole},
	{"deleted under the reader", once(func(s *session) bool {
		delete(s.boxes, "INBOX")
		return true
	}), whole},
	{"renamed under the reader", once(func(s *session) bool {
		s.boxes["A"] = s.box
		delete(s.boxes, "INBOX")
		return false
	}), whole},

	{"BYE within a listing", func(*model) misbehavior {
		left := 2
		return misbehavior{say: func(s *session, response string) []string {
			if strings.Contains(response, "FETCH (UID 3 FLAGS") && left > 0 {
				left--
				return bye(s, response[:len(response)/2]+"\r\n* BYE enough\r\n")
			}
			return []string{response}
		}}
	}, whole},
	{"BYE within a body", func(*model) misbehavior {
		left := 2
		return misbehavior{say: func(s *session, response string) []string {
			if m := body.FindString(response); m != "" && s.box == s.boxes["INBOX"] && strings.Contains(m, "UID 7 ") && left > 0 {
				left--
				return bye(s, m[:len(m)-9]+"* BYE enough\r\n")
			}
			return []string{response}
		}}
	}, whole},
	{"EXISTS that grows while messages are listed", func(*model) misbehavior {
		exists := 20
		return misbehavior{say: func(_ *session, response string) []string {
			if !strings.Contains(response, " FETCH (") {
				return []string{response}
			}
			exists++
			return []string{fmt.Sprintf("* %d EXISTS", exists), response}
		}}
	}, whole},

	// Status responses.
	{"STATUS missing under an OK", saying(func(_ *session, response string) []string {
		if strings.HasPrefix(response, `* STATUS "INBOX"`) {
			return []string{"* NO cannot read it"}
		}
		return []string{response}
	}), restless},
	{"STATUS garbled in LIST", offering(strings.Replace(allCaps, "LIST-STATUS", "LIST-STATUS OBJECTID", 1), func(*model) misbehavior {
		alone := false
		return misbehavior{hear: func(_ *session, _, command string) bool {
			alone = !strings.HasPrefix(command, "LIST")
			return false
		}, say: func(_ *session, response string) []string {
			if strings.HasPrefix(response, "* STATUS") && !alone {
				return []string{"* STATUS INBOX (MESSAGES UIDNEXT ((((MAILBOXID \x00\x01 NIL"}
			}
			return []string{response}
		}}
	}), whole},
	{"[UNAVAILABLE] to each sort of command, once", func(*model) misbehavior {
		seen := map[string]bool{}
		return misbehavior{hear: func(s *session, tag, command string) bool {
			verb := strings.Join(strings.Fields(command + " . . .")[:2], " ")
			if seen[verb] || !regexp.MustCompile(`^(LIST|LSUB|STATUS|EXAMINE|UID)`).MatchString(command) {
				return false
			}
			seen[verb] = true
			s.say(tag + " NO [UNAVAILABLE] not now")
			return true
		}}
	}, whole},
	{"[LIMIT] to EXAMINE, three times", refusing("^EXAMINE", "NO [LIMIT] too many", 3), whole},
	{"[THROTTLED] to EXAMINE, three times", refusing("^EXAMINE", "NO [THROTTLED] slow down", 3), whole},
	{"[LIMIT] to EXAMINE, for ever", refusing("^EXAMINE", "NO [LIMIT] too many", always), gaps | nothing},
	{"[UNAVAILABLE] to UID FETCH, for ever", refusing("^UID FETCH", "NO [UNAVAILABLE] no", always), gaps},
	{"[UNAVAILABLE] to bodies, for ever", refusing("BODY", "NO [UNAVAILABLE] no", always), gaps},
	{"[UNAVAILABLE] to LIST, for ever", refusing("^LIST", "NO [UNAVAILABLE] no", always), fails},
	{"[UNAVAILABLE] to LOGIN", refusing("^LOGIN", "NO [UNAVAILABLE] no", always), fails},
	{"Suggested Backoff Time", refusing("BODY", "BAD Request is throttled. Suggested Backoff Time: 90000 milliseconds", 3), whole},
	{"not connected", refusing("^EXAMINE", "BAD User is authenticated but not connected.", 3), whole},
	{"NO to EXAMINE", refusing("^EXAMINE .INBOX", "NO [SERVERBUG] internal error", always), gaps},
	{"NO to EXAMINE, as if it were not there", refusing("^EXAMINE .INBOX", "NO Mailbox doesn't exist", always), gaps},
	{"NO to bodies", refusing("BODY", "NO no", always), gaps},
	{"BAD to everything else", refusing("^(LSUB|ID|ENABLE|NAMESPACE|UNSELECT|LIST .SUBSCRIBED)", "BAD what?", always), whole},

	// Listings.
	{"the root listed", preceding("* LIST ", `* LIST (\NoSelect) "/" ""`), whole},
	{"each mailbox listed again as no mailbox", saying(func(_ *session, response string) []string {
		if strings.HasPrefix(response, "* LIST") {
			return []string{response, strings.Replace(response, `\HasNoChildren`, `\NoSelect`, 1)}
		}
		return []string{response}
	}), whole},

	// Words.
	{"unknown responses and codes", saying(func(_ *session, response string) []string {
		if strings.Contains(response, "] ready") {
			return []string{response}
		}
		return []string{"* XYZZY foo (bar [baz] {x})", "* OK [FUTURE 1 (2 \"3\")] x", "* 5 QUUX", "* NO [NEW", "* BAD [] ", "", "M999 OK no one's", "* 1 FETCH (NEW (1 2) NEWER \"x\")", response}
	}), whole},
	{"bad dates, and flags that are none", func(m *model) misbehavior {
		for _, date := range []string{"", "yesterday", "99-Foo-0000 25:61:61 +9999", "31-Feb-2019 00:00:00 -0000", "01-Jan-2019", "NIL"} {
			m.box("Odd").add("Subject: odd\r\n\r\n", `foo[bar] ] [ {12} a{3} NIL \\ \* caf`+"\xe9").date = date
		}
		return misbehavior{}
	}, whole},
	{"a line of 20 MB", once(func(s *session) bool { return true }, "* X "+strings.Repeat("x", 20<<20)), whole},
	{"lists nested deep", replacing(`FETCH \(UID 3 FLAGS`, "FETCH (UID 3 X "+strings.Repeat("(", 40)+strings.Repeat(")", 40)+" FLAGS"), gaps},

	{"numbers and dates in other forms", saying(func(_ *session, response string) []string {
		response = regexp.MustCompile(`(RFC822.SIZE|UID) (\d+)`).ReplaceAllString(response, `$1 "$2"`)
		response = strings.ReplaceAll(response, "FLAGS ()", "FLAGS NIL")
		return []string{regexp.MustCompile(`INTERNALDATE (".*?")`).ReplaceAllStringFunc(response, func(text string) string {
			date := strings.Trim(text[len("INTERNALDATE "):], `"`)
			return fmt.Sprintf("INTERNALDATE {%d}\r\n%s", len(date), date)
		})}
	}), gaps | maybe},
	{"NIL as a delimiter", replacing(`^(\* LIST \(.*?\)) "/"`, "$1 NIL"), whole},
	{"names in UTF-8 that nobody enabled", func(m *model) misbehavior {
		m.box("Entwürfe").add("Subject: u\r\n\r\n", "")
		m.box("Tom & Jerry").add("Subject: t\r\n\r\n", "")
		return misbehavior{}
	}, whole},
	{"names that are no modified UTF-7", func(m *model) misbehavior {
		for _, name := range []string{"&", "&A", "&AOk", "&AOk-&-", "&AGE-", "&2AA-", "a&!-b", "\xff\xfe", "&AOkA6Q-", "x\x01y"} {
			m.box(name).add("Subject: n\r\n\r\n"+name, "")
		}
		return misbehavior{}
	}, whole},
	{"modified UTF-7 where UTF-8 is enabled", func(m *model) misbehavior {
		m.box("Entw&APw-rfe").add("Subject: u\r\n\r\n", "")
		m.box("Entwürfe").add("Subject: u\r\n\r\n", `\Seen`)
		return misbehavior{caps: allCaps + " UTF8=ACCEPT"}
	}, whole},

	// Commands that cost the connection.
	{"STATUS of a mailbox hangs up", offering(old, disconnecting(`^STATUS "?Later`)), gaps | maybe},
	{"STATUS of INBOX hangs up", offering(old, disconnecting(`^STATUS "?INBOX`)), gaps},
	{"STATUS in LIST hangs up", disconnecting(`^LIST.*STATUS`), whole},
	{"LIST RETURN hangs up", disconnecting(`^LIST.*(RETURN|SUBSCRIBED)`), whole},
	{"EXAMINE of INBOX hangs up", disconnecting(`^EXAMINE "?INBOX`), gaps},
	{"CONDSTORE hangs up", disconnecting(`^EXAMINE.*CONDSTORE`), whole},
	{"ID hangs up", disconnecting(`^ID`), whole},
	{"ENABLE hangs up", disconnecting(`^ENABLE`), whole},
	{"NAMESPACE hangs up", disconnecting(`^NAMESPACE`), whole},

	{"commands sent ahead are lost", func(*model) misbehavior {
		return misbehavior{deaf: true}
	}, whole},

	// Servers.
	{"LIST is NO for now", refusing("^LIST", "NO [UNAVAILABLE] the backend is down", always), fails},
	{"LIST RETURN is BAD though offered", refusing("^LIST.*(RETURN|SUBSCRIBED)", "BAD what?", always), whole},
	{"iCloud: nothing found", offering(withoutQRESYNC, replacing(`^\* ESEARCH (\(.*?\)) UID ALL.*`, "* ESEARCH $1 UID")), whole},
	{"Courier", offering("IMAP4rev1 CHILDREN NAMESPACE", func(m *model) misbehavior {
		return misbehavior{say: func(_ *session, response string) []string {
			response = strings.Replace(response, `* NAMESPACE (("" "/"))`, `* NAMESPACE (("INBOX." "."))`, 1)
			if strings.HasPrefix(response, "* LIST") {
				response = strings.Replace(response, `"/"`, `"."`, 1)
			}
			return []string{response}
		}}
	}), whole},
	{"names in UTF-8", func(m *model) misbehavior {
		m.box("Entwürfe").add("Subject: u\r\n\r\n", "")
		m.box("R&D").add("Subject: r\r\n\r\n", "")
		return misbehavior{caps: allCaps + " UTF8=ACCEPT"}
	}, whole},
}

// recreate replaces INBOX by another mailbox, with other mail under the same UIDs.
func recreate(s *session) {
	validity := s.box.validity
	delete(s.boxes, "INBOX")
	b := s.model.box("INBOX")
	b.validity = validity + 500
	for range 9 {
		b.add("Subject: another\r\n\r\nanother\r\n", `\Seen`)
	}
}
