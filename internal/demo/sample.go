package demo

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"iter"
	"math/rand/v2"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"
)

// mailboxes are the mailboxes of the sample account, besides INBOX.
var mailboxes = []string{
	"Archive", "Archive/2024", "Archive/2024/Rechnungen", "Drafts", "Entwürfe und Notizen", "Projects", "Projects/Bridge", "Sent", "Trash",
}

// letter is a sample message before it is written out.
type letter struct {
	mailbox, from, to, subject, text string
	flags                            string // separated by blanks
	answers                          int    // the number of the letter that it answers, counted from 1; 0: none
	drawing                          bool   // carries the drawing, the same each time
}

// The people of the samples.
const (
	anna   = "Anna Müller <anna@example.org>"
	joao   = "João Pereira <joao@example.net>"
	zsofia = "Zsófia Kovács <zsofia@example.com>"
	board  = "Bridge board <board@lists.example.org>"
	shop   = "Bücher & mehr <rechnung@shop.example>"
)

// letters are in the order in which they were sent, a day and some hours apart.
var letters = []letter{
	{"Projects/Bridge", joao, anna, "The old bridge", "The survey is back. The north pier has moved by 14 mm since spring.", `\Seen $Important`, 0, false},
	{"Projects/Bridge", zsofia, anna, "Re: The old bridge", "14 mm is within the tolerance, but not for much longer.", `\Seen`, 1, false},
	{"Sent", anna, joao, "Re: The old bridge", "Can you send me the drawing of the north pier?", `\Seen`, 1, false},
	{"Projects/Bridge", joao, anna, "Re: The old bridge", "Here it is.", `\Seen \Answered`, 3, true},
	{"Projects/Bridge", zsofia, anna, "Re: The old bridge", "I have marked the places; the drawing itself is unchanged.", `\Seen \Flagged`, 4, true},
	{"Sent", anna, board, "Fwd: The old bridge", "For the board: the drawing, as João sent it.", `\Seen $Forwarded`, 4, true},
	{"Projects/Bridge", board, anna, "Minutes of the meeting of 4 March", "1. The bridge\n2. Any other business\n\nFrom the floor: when will it be open again?\n", `\Seen`, 0, false},
	{"Archive/2024/Rechnungen", shop, anna, "Ihre Rechnung Nr. 2024-0117", "Vielen Dank für Ihre Bestellung. Der Betrag von 34,80 € wurde abgebucht.", `\Seen`, 0, false},
	{"Archive/2024/Rechnungen", shop, anna, "Ihre Rechnung Nr. 2024-0242", "Vielen Dank für Ihre Bestellung. Der Betrag von 12,50 € wurde abgebucht.", `\Seen`, 0, false},
	{"Archive/2024", zsofia, anna, "Árvíztűrő tükörfúrógép", "Do all the letters arrive? They should read: árvíztűrő tükörfúrógép.", `\Seen \Answered`, 0, false},
	{"Sent", anna, zsofia, "Re: Árvíztűrő tükörfúrógép", "Every one of them.", `\Seen`, 10, false},
	{"Archive", joao, anna, "Holidays", "We are in Coimbra until the 20th. The key is where it always is.", `\Seen`, 0, false},
	{"INBOX", zsofia, anna, "Lunch on Thursday?", "At the usual place, at noon?", `\Seen \Answered`, 0, false},
	{"Sent", anna, zsofia, "Re: Lunch on Thursday?", "Gladly.", `\Seen`, 13, false},
	{"INBOX", zsofia, anna, "Re: Lunch on Thursday?", "Make that half past twelve.", `\Seen`, 14, false},
	{"INBOX", board, anna, "Call for the general meeting", "The general meeting takes place in the town hall.", `\Flagged todo`, 0, false},
	{"INBOX", joao, anna, "日本からの写真", "Photographs from the journey; the subject says so.", ``, 0, true},
	{"INBOX", shop, anna, "Ihre Rechnung Nr. 2025-0003", "Vielen Dank für Ihre Bestellung. Der Betrag von 8,99 € wurde abgebucht.", ``, 0, false},
	{"Drafts", anna, board, "Resignation", "Dear all,\n\nafter eleven years", `\Draft`, 0, false},
	{"Drafts", anna, joao, "", "(no subject yet)", `\Draft \Seen`, 0, false},
	{"Entwürfe und Notizen", anna, anna, "Packing list", "Boots\nRaincoat\nCamera\n", `\Seen`, 0, false},
	{"Entwürfe und Notizen", anna, anna, "Wörter", "Straße, Größe, Öl, Übermut", `\Seen todo`, 0, false},
	{"Trash", shop, anna, "Only today: 20 % off", "Do not miss it!", `\Seen`, 0, false},
	{"Trash", shop, anna, "Only today: 25 % off", "Really do not miss it!", `\Deleted`, 0, false},
	{"Projects", board, anna, "New project numbers", "Bridge: 7. Weir: 8. Mill: 9.", `\Seen`, 0, false},
	{"Projects/Bridge", joao, anna, "North pier, second survey", "Another 2 mm. We should close the bridge.", `\Seen \Flagged $Important`, 0, false},
	{"Projects/Bridge", anna, board, "Closing the bridge", "I propose that we close the bridge from Monday on.", `\Seen`, 26, false},
	{"Projects/Bridge", board, anna, "Re: Closing the bridge", "Agreed.", ``, 27, false},
	{"INBOX", board, anna, "Re: Closing the bridge", "The signs are up.", ``, 28, false},
	{"INBOX", joao, anna, "Re: Holidays", "Back again. Thank you for watering the plants!", ``, 12, false},
}

// Lost is the mailbox of the samples that the demo loses.
const Lost = "Projects/Bridge"

// Fill puts the sample mail into an account.
func Fill(a *Account) error {
	for _, name := range mailboxes {
		if err := a.Create(name); err != nil {
			return err
		}
	}
	for mailbox, message := range Samples() {
		if err := a.Append(mailbox, message); err != nil {
			return err
		}
	}
	return nil
}

// Samples yields the sample messages and their mailboxes. They are the same each time, to the byte,
// and no two are equal.
func Samples() iter.Seq2[string, Message] {
	return func(yield func(string, Message) bool) {
		for i, l := range letters {
			if !yield(l.mailbox, Message{Flags: strings.Fields(l.flags), Internal: sent(i), Body: l.write(i)}) {
				return
			}
		}
	}
}

// sent is when a letter was: in summer time first, in winter time later.
func sent(i int) time.Time {
	zone := time.FixedZone("", 2*60*60)
	if i > len(letters)/2 {
		zone = time.FixedZone("", -5*60*60)
	}
	return time.Date(2024, time.September, 2, 8, 15, 7, 0, zone).Add(time.Duration(i) * 31 * time.Hour)
}

func messageID(i int) string { return fmt.Sprintf("<letter-%d@example.org>", i+1) }

// write returns the letter in the form of RFC 5322.
func (l *letter) write(i int) []byte {
	var b bytes.Buffer
	field := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	field("From", address(l.from))
	field("To", address(l.to))
	field("Subject", mime.QEncoding.Encode("utf-8", l.subject))
	field("Date", sent(i).Format(time.RFC1123Z))
	field("Message-ID", messageID(i))
	if l.answers > 0 {
		field("In-Reply-To", messageID(l.answers-1))
		field("References", messageID(l.answers-1))
	}
	field("MIME-Version", "1.0")
	if !l.drawing {
		l.writeText(&b)
		return b.Bytes()
	}
	const boundary = "next part"
	field("Content-Type", `multipart/mixed; boundary="`+boundary+`"`)
	b.WriteString("\r\n--" + boundary + "\r\n")
	l.writeText(&b)
	b.WriteString("\r\n--" + boundary + "\r\n")
	field("Content-Type", `image/png; name="north-pier.png"`)
	field("Content-Disposition", `attachment; filename="north-pier.png"`)
	field("Content-Transfer-Encoding", "base64")
	b.WriteString("\r\n")
	writeBase64(&b, drawing())
	b.WriteString("--" + boundary + "--\r\n")
	return b.Bytes()
}

func (l *letter) writeText(b *bytes.Buffer) {
	b.WriteString("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	w := quotedprintable.NewWriter(b)
	_, _ = w.Write([]byte(strings.ReplaceAll(l.text, "\n", "\r\n"))) // to memory: does not fail
	_ = w.Close()
	b.WriteString("\r\n")
}

// address encodes the name, not the address itself.
func address(a string) string {
	name, rest, _ := strings.Cut(a, " <")
	return mime.QEncoding.Encode("utf-8", name) + " <" + rest
}

// drawing is some bytes that do not compress.
func drawing() []byte {
	var seed [32]byte
	copy(seed[:], "the north pier of the old bridge")
	b := make([]byte, 40_000)
	_, _ = rand.NewChaCha8(seed).Read(b) // does not fail
	return b
}

func writeBase64(b *bytes.Buffer, data []byte) {
	const line = 57 // bytes that make 76 characters
	for len(data) > 0 {
		n := min(line, len(data))
		b.WriteString(base64.StdEncoding.EncodeToString(data[:n]) + "\r\n")
		data = data[n:]
	}
}
