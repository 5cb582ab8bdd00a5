// Package generate makes mail like that of people, for tests and for the benchmark: threads that
// quote, files that are sent again, newsletters, old charsets, and messages that nobody should have
// sent. It also writes mail as a Maildir.
package generate

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"mime/quotedprintable"
	"strings"
	"time"
)

// Message is one to be put on a server. Its lines end in CRLF, where it is not odd.
type Message struct {
	Body  []byte
	Flags []string
	Date  time.Time
}

// Generator makes mail such as people have. The same seed makes the same mail.
type Generator struct {
	random      *rand.Rand
	made        int
	threads     []thread
	attachments [][]byte // which were sent before
}

type thread struct {
	subject, last string // last: Message-ID
	text          string
}

// New returns a generator.
func New(seed uint64) *Generator { return &Generator{random: rand.New(rand.NewPCG(seed, 2))} }

var (
	people = []string{
		"Anna Lindqvist <anna@example.org>", "=?UTF-8?Q?J=C3=BCrgen_Gro=C3=9F?= <jg@example.net>", "\"Doe, Jane\" <jane@example.com>",
		"João Pereira <joao@example.net>", "=?ISO-8859-1?B?SuhydWc=?= <je@example.org>", "root@host.invalid",
	}
	words = strings.Fields("the bridge is closed until we have heard from the city about its stones and nobody who was asked " +
		"could tell when rain would end or what it meant that boats were late again so please read this list twice before Friday " +
		"wegen schöner Grüße über Köln naïve café résumé 東京 привет")
	keywords = []string{"$Forwarded", "$Junk", "work", "Later", "$MDNSent", "invoice-2024", "a.b:c"}
	zones    = []int{0, 60, -300, 345, 570, 765, -570, 840, -720}
)

func (g *Generator) pick(list []string) string { return list[g.random.IntN(len(list))] }

// prose is some lines of text.
func (g *Generator) prose(n int) string {
	var b strings.Builder
	for range n {
		for range 4 + g.random.IntN(8) {
			b.WriteString(g.pick(words) + " ")
		}
		b.WriteString("\r\n")
	}
	return b.String()
}

// noise is what does not compress.
func (g *Generator) noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.random.Uint32())
	}
	return b
}

// Message makes the next one.
func (g *Generator) Message() Message {
	var body []byte
	switch g.random.IntN(10) {
	case 0, 1, 2:
		body = g.newThread()
	case 3, 4, 5:
		body = g.reply()
	case 6, 7:
		body = g.withAttachment()
	case 8:
		body = g.newsletter()
	default:
		body = g.foreign()
	}
	return Message{body, g.flags(), g.date()}
}

// Note makes a short text, of a kilobyte with its header.
func (g *Generator) Note() Message {
	head := g.head(strings.TrimSpace(g.prose(1)), "")
	return Message{[]byte(head + "\r\n" + g.prose(2+g.random.IntN(8))), g.flags(), g.date()}
}

// Forget has the next files be new ones, which nobody sent before.
func (g *Generator) Forget() { g.attachments = nil }

// Messages makes the next n.
func (g *Generator) Messages(n int) (list []Message) {
	for range n {
		list = append(list, g.Message())
	}
	return list
}

func (g *Generator) flags() (flags []string) {
	for _, flag := range []string{`\Seen`, `\Answered`, `\Flagged`, `\Draft`, `\Deleted`} {
		if g.random.IntN(4) == 0 {
			flags = append(flags, flag)
		}
	}
	if g.random.IntN(3) == 0 {
		flags = append(flags, g.pick(keywords))
	}
	return flags
}

// date is a moment from 1970 to 2037, in some zone.
func (g *Generator) date() time.Time {
	zone := zones[g.random.IntN(len(zones))]
	return time.Unix(86400+g.random.Int64N(2145916800-86400), 0).In(time.FixedZone("", zone*60))
}

func (g *Generator) head(subject, reference string) string {
	g.made++
	id := fmt.Sprintf("<%d.%x@example.org>", g.made, g.random.Uint32())
	var b strings.Builder
	for i := range g.random.IntN(4) {
		fmt.Fprintf(&b, "Received: from relay%d.example (relay%d.example [192.0.2.%d])\r\n\tby mx.example with ESMTPS id %x;\r\n\tMon, 2 Mar 2026 10:0%d:00 +0100\r\n", i, i, i+1, g.random.Uint32(), i)
	}
	fmt.Fprintf(&b, "From: %s\r\nTo: %s,\r\n  %s\r\nSubject: %s\r\nMessage-ID: %s\r\n",
		g.pick(people), g.pick(people), g.pick(people), subject, id)
	if reference != "" {
		fmt.Fprintf(&b, "In-Reply-To: %s\r\nReferences:\r\n %s\r\n", reference, reference)
	}
	return b.String()
}

func (g *Generator) newThread() []byte {
	subject, text := strings.TrimSpace(g.prose(1)), g.prose(3+g.random.IntN(20))
	head := g.head(subject, "")
	g.threads = append(g.threads, thread{subject, messageID(head), text})
	return []byte(head + "\r\n" + text)
}

func messageID(head string) string {
	_, rest, _ := strings.Cut(head, "Message-ID: ")
	id, _, _ := strings.Cut(rest, "\r\n")
	return id
}

// reply quotes all that was said.
func (g *Generator) reply() []byte {
	if len(g.threads) == 0 {
		return g.newThread()
	}
	t := &g.threads[g.random.IntN(len(g.threads))]
	text := g.prose(2+g.random.IntN(5)) + "\r\n> " + strings.ReplaceAll(strings.TrimSuffix(t.text, "\r\n"), "\r\n",
		"\r\n> ") + "\r\n"
	head := g.head("Re: "+t.subject, t.last)
	if t.last = messageID(head); len(text) < 20_000 {
		t.text = text
	}
	return []byte(head + "\r\n" + text)
}

// withAttachment sends a file, often one that was sent before.
func (g *Generator) withAttachment() []byte {
	if len(g.attachments) == 0 || g.random.IntN(3) == 0 {
		g.attachments = append(g.attachments, g.noise(1000+g.random.IntN(200_000)))
	}
	file := g.attachments[g.random.IntN(len(g.attachments))]
	boundary := fmt.Sprintf("=_%x", g.random.Uint64())
	var b bytes.Buffer
	fmt.Fprintf(&b, "%sMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=%q\r\n\r\n",
		g.head("file", ""), boundary)
	fmt.Fprintf(&b, "--%s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s--%s\r\n", boundary, g.prose(3), boundary)
	fmt.Fprintf(&b, "Content-Type: application/octet-stream; name=\"f.bin\"\r\nContent-Transfer-Encoding: base64\r\n\r\n%s--%s--\r\n", encoded(file), boundary)
	return b.Bytes()
}

// encoded is base64 in lines of 76.
func encoded(file []byte) string {
	text := base64.StdEncoding.EncodeToString(file)
	var b strings.Builder
	for len(text) > 0 {
		n := min(76, len(text))
		b.WriteString(text[:n] + "\r\n")
		text = text[n:]
	}
	return b.String()
}

func (g *Generator) newsletter() []byte {
	var b bytes.Buffer
	b.WriteString(g.head("=?UTF-8?B?"+base64.StdEncoding.EncodeToString([]byte(g.pick(words)+" №1"))+"?=", ""))
	b.WriteString("List-Unsubscribe: <https://news.example/u>\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	w := quotedprintable.NewWriter(&b)
	for range 10 + g.random.IntN(30) {
		fmt.Fprintf(w, "<td style=\"color:#%06x\">%s</td>\r\n", g.random.IntN(1<<24), g.prose(1))
	}
	w.Close()
	return b.Bytes()
}

// foreign is in 8-bit charsets of old, in header and text.
func (g *Generator) foreign() []byte {
	return []byte(g.head("Gr\xfc\xdfe \xff\xfe aus K\xf6ln",
		"") + "X-Folded: a\r\n \r\n\tb\r\nX-\xe9: \x01\r\n\r\n\xa4\xa4\xa4\xb3 caf\xe9 \xc3\x28\r\n" + g.prose(2))
}

// Large is a message with an attachment that makes it of about n bytes.
func (g *Generator) Large(n int) Message {
	file := bytes.Repeat(g.noise(1<<20), n/(1<<20)*3/4+1) // a MiB, again and again: a large message, and a small archive
	for i := range len(file) / 4096 {
		file[i*4096] = byte(g.random.Uint32())
	}
	head := g.head("large", "") + "Content-Transfer-Encoding: base64\r\n\r\n"
	return Message{[]byte(head + encoded(file)), []string{`\Seen`}, g.date()}
}
