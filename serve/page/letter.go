package page

import (
	"bytes"
	"context"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/layout"
	"github.com/mailstrata/mailstrata/archive/readable"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/mail/charset"
	"github.com/mailstrata/mailstrata/mail/entity"
	"github.com/mailstrata/mailstrata/mail/extract"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/serve/view"
)

// letter is a message without its attachments.
type letter struct {
	header    []byte
	parts     []extract.Part
	truncated bool
}

// textPart is a text of a message.
type textPart struct {
	Heading *extract.Heading // of a message within the message
	Text    string
}

func recordOf(m view.Message) *manifest.Record { return m.Record }

// readLetter reads a message. The bodies of attachments are not read.
func readLetter(ctx context.Context, c *archive.Contents, record *manifest.Record) (*letter, error) {
	one := func(yield func(view.Message, error) bool) { yield(view.Message{Record: record}, nil) }
	o := readable.Options[view.Message]{
		Chunks: c.Chunks(), Record: recordOf, Wants: func(e *entity.Entity) bool { return extract.Reads(e, nil) },
	}
	for m, err := range readable.Messages(ctx, o, one) {
		if err == nil {
			err = m.Err
		}
		if err != nil {
			return nil, err
		}
		l := &letter{header: entity.Parse(m.Raw).Header.Of(m.Raw)}
		l.parts, l.truncated = extract.Parts(m.Raw)
		return l, nil
	}
	return nil, errNotFound
}

// hasHTML reports whether a part of the message is HTML.
func (l *letter) hasHTML() bool {
	for _, p := range l.parts {
		if p.HTML != "" {
			return true
		}
	}
	return false
}

// height returns the class of the frame of the HTML. A page without scripts cannot measure it, so it follows from the text: the
// lines that the plain text would have. What has pictures or tables can be much higher, and gets most of the window.
func (l *letter) height() string {
	lines := 0
	for _, p := range l.parts {
		if lower := strings.ToLower(p.HTML); strings.Contains(lower, "<img") || strings.Contains(lower, "<table") {
			return "tall"
		}
		for line := range strings.Lines(p.Text) {
			lines += 1 + len(line)/charactersInLine
		}
	}
	switch {
	case lines <= 6:
		return "short"
	case lines <= 16:
		return "middle"
	}
	return "tall"
}

// charactersInLine is how many characters fit into a line of the frame, about.
const charactersInLine = 80

// tabs returns the ways in which the message can be shown.
func (l *letter) tabs() []string {
	if l.hasHTML() {
		return []string{showHTML, showText, showHeader, showSource}
	}
	return []string{showText, showHeader, showSource}
}

// choose returns the way that was asked for, or the best one.
func (l *letter) choose(asked string) string {
	all := l.tabs()
	for _, t := range all {
		if t == asked {
			return t
		}
	}
	return all[0]
}

// texts returns the texts of the message, as much as a page shows. cut says that more is missing.
func (l *letter) texts() (all []textPart, cut bool) {
	room := maxShown
	for _, p := range l.parts {
		text := p.Text
		if len(text) > room {
			text, cut = strings.ToValidUTF8(text[:room], ""), true
		}
		room -= len(text)
		all = append(all, textPart{p.Within, visible(text)})
	}
	return all, cut
}

// visible returns a text in which nothing is hidden or looks like something else: bidirectional overrides and control
// characters are escaped.
func visible(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	var b strings.Builder
	for line := range strings.Lines(text) {
		bare := strings.TrimRight(line, "\r\n")
		for i, column := range strings.Split(bare, "\t") {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(ui.Safe(column))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// source returns the beginning of a message as it is.
func source(ctx context.Context, c *archive.Contents, record *manifest.Record) (string, error) {
	places, err := layout.Of(ctx, c, record)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := places.WriteRange(ctx, &b, 0, min(maxSource, record.Size)); err != nil {
		return "", err
	}
	return visible(charset.Guess(b.Bytes())), nil
}
