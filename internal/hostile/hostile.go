package hostile

import (
	"encoding/base64"
	"strings"
)

// Domain is what all hosts that messages refer to end with.
const Domain = "canary.example"

// Marker is a text that each message shows after its trick. If it is missing, the trick made the
// page unreadable.
const Marker = "end of the text"

// Mail is a message.
type Mail struct {
	Name    string // of the trick: lower case letters, digits and "-"
	Message []byte
	// Inert reports that a browser does nothing even if it shows the HTML of the message without
	// protection, because the trick is about something else, or needs the reader, or because
	// browsers have mended it.
	Inert bool
	// Structure reports that the trick is in the header or in the structure of the message, and not
	// in a document of HTML.
	Structure bool
}

// Mails returns all messages.
func Mails() []Mail {
	var all []Mail
	for _, family := range []struct {
		tricks []trick
		inert  bool
	}{{scripts, false}, {fetches, false}, {parsers, false}, {idle, true}} {
		for _, t := range family.tricks {
			document := fill(t.name, t.html)
			all = append(all, Mail{Name: t.name, Message: message(t.name, "text/html; charset=utf-8", document),
				Inert: family.inert})
		}
	}
	return append(all, structures()...)
}

// trick is a document of HTML. In it, RAN is a call of ran, HOST the host to be fetched from.
type trick struct{ name, html string }

// Documents returns the documents of HTML alone.
func Documents() []string {
	var all []string
	for _, tricks := range [][]trick{scripts, fetches, parsers, idle} {
		for _, t := range tricks {
			all = append(all, fill(t.name, t.html))
		}
	}
	return all
}

// fill makes a document of a trick.
func fill(name, html string) string {
	return "<p>begin</p>" + tokens(name, html) + "<p>" + Marker + "</p>"
}

// tokens replaces RAN and HOST.
func tokens(name, text string) string {
	return strings.NewReplacer("RAN", "ran('"+name+"')", "HOST", name+"."+Domain).Replace(text)
}

// message makes a message of one part, in base64.
func message(name, contentType, body string) []byte {
	return []byte(head(name) + "Content-Type: " + contentType + "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encode(body))
}

func head(name string) string {
	return "From: Mallory <mallory@" + Domain + ">\r\nTo: anna@mail.example\r\nSubject: " + name +
		"\r\nDate: Fri, 13 Mar 2026 02:10:00 +0000\r\nMessage-ID: <" + name + "@" + Domain + ">\r\nMIME-Version: 1.0\r\n"
}

// encode returns a text in lines of base64.
func encode(body string) string {
	var b strings.Builder
	for text := base64.StdEncoding.EncodeToString([]byte(body)); text != ""; {
		n := min(76, len(text))
		b.WriteString(text[:n] + "\r\n")
		text = text[n:]
	}
	return b.String()
}
