package page

import (
	"bytes"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/mailstrata/mailstrata/archive/attachment"
	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/serve/view"
)

// eml downloads a message as it is.
func (s *Server) eml(w http.ResponseWriter, r *request) error {
	p, i, err := r.message()
	if err != nil {
		return err
	}
	m, err := record(r.Context(), p.list, i)
	if err != nil {
		return err
	}
	c := p.list.Contents()
	text, err := c.HeaderFields(r.Context(), m.Record)
	if err != nil {
		return err
	}
	body := c.Body(m.Record)
	if err := body.Verify(r.Context()); err != nil {
		return fmt.Errorf("the message cannot be read: %w", err)
	}
	setDownload(w, emlName(text))
	w.Header().Set("Content-Length", strconv.FormatInt(m.Record.Size, 10))
	return abortOn(body.WriteTo(r.Context(), w))
}

// emlName returns the name of the file of a message.
func emlName(text []byte) string {
	subject := oneLine(header.Text(text, "Subject"))
	if subject == "" {
		subject = "message"
	}
	return fileName(ui.Cut(subject, 80)+".eml", "")
}

// setDownload makes an answer a file that the browser stores and does not show.
func setDownload(w http.ResponseWriter, name string) {
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": name})
	if disposition == "" {
		disposition = "attachment"
	}
	h.Set("Content-Disposition", disposition)
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'")
}

// abortOn ends the connection after an error, because a part of the answer is sent: the browser
// must not take it for the whole.
func abortOn(err error) error {
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// attachment downloads an attachment.
func (s *Server) attachment(w http.ResponseWriter, r *request) error {
	p, i, end, err := s.openMessage(r)
	if err != nil {
		return err
	}
	defer end()
	m, err := record(r.Context(), p.list, i)
	if err != nil {
		return err
	}
	all, err := attachmentsOf(r.Context(), p, m)
	if err != nil {
		return err
	}
	n := r.number(numberParam)
	if n > len(all) {
		return fmt.Errorf("%w: the message has %s", errNotFound, ui.Plural(len(all), "attachment"))
	}
	a := &all[n-1]
	out := &lazyWriter{ResponseWriter: w, begin: func() { setDownload(w, fileName(a.Name, a.Type)) }}
	err = a.WriteTo(r.Context(), p.list.Contents(), out)
	if err != nil && !out.begun {
		return err
	}
	out.Write(nil)
	return abortOn(err)
}

// lazyWriter begins an answer with its first byte, so that an error before it can still be shown.
type lazyWriter struct {
	http.ResponseWriter
	begin func()
	begun bool
}

// Write implements io.Writer.
func (l *lazyWriter) Write(b []byte) (int, error) {
	if !l.begun {
		l.begun = true
		l.begin()
	}
	return l.ResponseWriter.Write(b)
}

// imagesOf returns the images of a message. They are read when they are asked for, and the
// attachments are listed once: a text of some megabytes can refer to a hundred thousand images.
func imagesOf(r *request, p *place, m view.Message) *images {
	list := sync.OnceValue(func() map[string]*attachment.Attachment {
		byID := make(map[string]*attachment.Attachment)
		all, err := attachmentsOf(r.Context(), p, m)
		if err != nil {
			return byID
		}
		for i := range all {
			if id := all[i].ContentID; byID[id] == nil && all[i].Size <= maxImage {
				byID[id] = &all[i]
			}
		}
		return byID
	})
	find := func(id string) *attachment.Attachment { return list()[id] }
	read := func(a *attachment.Attachment) []byte {
		var b bytes.Buffer
		if a.WriteTo(r.Context(), p.list.Contents(), &b) != nil {
			return nil
		}
		return b.Bytes()
	}
	return &images{find: find, read: read, room: maxImages}
}

// fileName returns a name for a file that is only a name: no path, no control characters, nothing
// that looks like another.
func fileName(name, mediaType string) string {
	name = strings.ReplaceAll(name, `\`, "/")
	name = strings.TrimSpace(oneLine(name[strings.LastIndexByte(name, '/')+1:]))
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`"<>|:*?\/`, r) {
			return '_'
		}
		return r
	}, name)
	if name = strings.Trim(name, ". "); name == "" {
		name = "attachment" + extensionOf(mediaType)
	}
	if runes := []rune(name); len(runes) > 120 {
		name = string(runes[:90]) + "…" + string(runes[len(runes)-20:])
	}
	return name
}

// extensionOf returns the ending of the names of files of a type, or an empty string.
func extensionOf(mediaType string) string {
	switch mediaType {
	case "message/rfc822":
		return ".eml"
	case "image/jpeg":
		return ".jpg"
	case "text/plain":
		return ".txt"
	}
	if all, err := mime.ExtensionsByType(mediaType); err == nil && len(all) > 0 {
		return all[0]
	}
	return ""
}
