package page

import (
	"bytes"
	"fmt"
	"html"
	"net/http"

	"github.com/mailstrata/mailstrata/archive/attachment"
	"github.com/mailstrata/mailstrata/mail/safehtml"
	"github.com/mailstrata/mailstrata/serve/page/message"
)

// framePolicy is the Content-Security-Policy of the HTML of a message. Nothing runs in it, nothing
// is fetched, and it has an origin of its own, so it knows nothing of the pages of the server. A
// link opens a window, which is not in the sandbox.
const framePolicy = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors 'self'"

// Sanitizer makes HTML of a message safe to show.
type Sanitizer func(document string, refs safehtml.References) safehtml.Result

var sanitize Sanitizer = safehtml.Sanitize

const (
	maxImages = 16 << 20 // bytes of the images of a message that are shown
	maxImage  = 8 << 20
)

// frameStyle is how a document looks that says nothing of it. A mail expects a white page. What has
// no colors of its own is dark where the page is, by darkStyle.
const (
	frameStyle = "html{background:#fff;color:#1b1b18;font:16px/1.5 system-ui,sans-serif}body{margin:1rem;overflow-wrap:anywhere}" +
		"img,table{max-width:100%}img{height:auto}pre{white-space:pre-wrap;font:inherit}hr{border:0;border-top:1px solid #ccc}"
	darkStyle = "html{color-scheme:light dark}@media(prefers-color-scheme:dark){html{background:#1c1f23;color:#e7e5df}a{color:#74cbb2}hr{border-color:#33373d}}"
)

// frame shows the HTML of a message. Parts that are plain text are between those that are HTML, as
// they are in the message.
func (s *Server) frame(w http.ResponseWriter, r *request) error {
	w.Header().Set("Content-Security-Policy", framePolicy)
	p, i, end, err := s.openMessage(r)
	if err != nil {
		return err
	}
	defer end()
	m, err := record(r.Context(), p.list, i)
	if err != nil {
		return err
	}
	shown, err := message.Read(r.Context(), p.list.Contents(), m.Record)
	if err != nil {
		return err
	}
	images := imagesOf(r, p, m)
	var b bytes.Buffer
	plain := true
	for n, part := range shown.Parts {
		if n > 0 {
			b.WriteString("<hr>\n")
		}
		if h := part.Within; h != nil {
			fmt.Fprintf(&b, "<p>%s<br>%s<br><b>%s</b></p>\n",
				text(oneLine(h.From)), text(oneLine(h.Date)), text(oneLine(h.Subject)))
		}
		if part.HTML == "" {
			fmt.Fprintf(&b, "<pre>%s</pre>\n", text(message.Visible(part.Text)))
			continue
		}
		result := s.o.Sanitize(part.HTML, safehtml.References{Image: images.get, Link: linkTo})
		plain = plain && result.Plain
		b.WriteString("<div>")
		b.Write(result.HTML)
		b.WriteString("</div>\n")
		if result.Truncated {
			b.WriteString("<p>The rest of this text is too long to be shown. The download has it.</p>\n")
		}
	}
	b.WriteString("</body></html>\n")
	style := frameStyle
	if plain {
		style += darkStyle
	}
	var document bytes.Buffer
	fmt.Fprintf(&document, "<!DOCTYPE html>\n<html lang=\"\"><head><meta charset=\"utf-8\"><title>Message</title><meta name=\"viewport\" content=\"width=device-width\"><style>%s</style></head><body>\n", style)
	document.Write(b.Bytes())
	write(w, http.StatusOK, &document)
	return nil
}

// text escapes a text.
func text(s string) string { return html.EscapeString(s) }

// linkTo returns the address of the page that shows a URL before it is followed.
func linkTo(target string) string { return to("link", urlParam, target) }

// images are the images of a message that its text refers to.
type images struct {
	find func(id string) *attachment.Attachment // nil: there is none
	read func(*attachment.Attachment) []byte
	room int // bytes that may still be read
}

// get returns an image by its Content-ID, or nil. What it reads counts, even if nothing comes of
// it.
func (i *images) get(id string) []byte {
	a := i.find(id)
	if a == nil || a.Size > int64(i.room) {
		return nil
	}
	i.room -= int(a.Size)
	return i.read(a)
}
