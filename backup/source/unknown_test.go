package source_test

import (
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
)

func TestUnknownWarnings(t *testing.T) {
	var u source.Unknown
	for uid := mail.UID(1); uid < 1000; uid += 2 {
		u.Add(mail.Message{UID: uid, Lacks: mail.LacksFlags})
	}
	u.Add(mail.Message{UID: 6, Internal: mail.ParseDate("NIL"), Lacks: mail.LacksDate})
	u.Add(mail.Message{UID: 8, Internal: mail.ParseDate("yesterday")})
	var other source.Unknown
	other.Add(mail.Message{UID: 7, Lacks: mail.LacksDate | mail.LacksLabels})
	u.Merge(&other)
	const want = "the server does not give the flags of the messages with UID 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, " +
		"33, 35, 37, 39, 41, 43, 45, 47, 49, 51 and others, 500 in all; the next backup asks again\n" +
		"the server does not give the labels of the messages with UID 7; the next backup asks again\n" +
		"the server does not give the INTERNALDATE of the messages with UID 6:7; the next backup asks again\n" +
		"the INTERNALDATE of the messages with UID 8 is no date; its text is archived as it is"
	if have := strings.Join(u.Warnings(), "\n"); have != want || !u.Missing() {
		t.Errorf("have %s", have)
	}
}
