package message

import (
	"context"
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/layout"
	"github.com/mailstrata/mailstrata/archive/readable"
	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/internal/inorder"
	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/mail/entity"
	"github.com/mailstrata/mailstrata/mail/extract"
	"github.com/mailstrata/mailstrata/manifest"
	"github.com/mailstrata/mailstrata/serve/view"
)

// maxStructure is how many bytes of a message are read to see whether a list shows that it has
// attachments. Base64 does not count. A larger message has the sign if there is base64 in it.
const maxStructure = 256 << 10

// Attached calls mark for messages that have attachments. Of those that the header alone does not
// decide, it reads the text, which shows the structure. A message that cannot be read has no sign:
// the page of the message says why.
func Attached(ctx context.Context, c *archive.Contents, messages []view.Message, mark func(index int)) error {
	var unsure []view.Message
	for _, m := range messages {
		switch l, err := layout.Of(ctx, c, m.Record); {
		case err != nil && (ctx.Err() != nil || archive.UnlessDamage(err) != nil):
			return err
		case err != nil:
		case l.SkeletonSize() <= maxStructure:
			unsure = append(unsure, m)
		case hasBase64(m.Record):
			mark(m.Index)
		}
	}
	o := readable.Options[view.Message]{
		Chunks: c.Chunks(), Record: func(m view.Message) *manifest.Record { return m.Record },
		Wants: func(*entity.Entity) bool { return false },
	}
	for m, err := range readable.Messages(ctx, o, inorder.Slice(unsure)) {
		if err != nil {
			return err
		}
		if m.Err == nil && HasAttachments(m.Raw) {
			mark(m.Item.Index)
		}
	}
	return nil
}

// MayAttach reports whether a message can have attachments. Nearly all mail is one text, or one in
// several forms.
func MayAttach(text []byte, record *manifest.Record) bool {
	kind := strings.ToLower(header.Value(header.Text(text, "Content-Type")))
	switch {
	case kind == "" || strings.HasPrefix(kind, "text/"):
		fields := strings.ToLower(header.Text(text, "Content-Disposition") + header.Text(text, "Content-Type"))
		return strings.Contains(fields, "attachment") || strings.Contains(fields, "name")
	case kind == "multipart/alternative": // some programs put a file beside the form that is HTML
		return hasBase64(record)
	}
	return true
}

// hasBase64 reports whether a message has base64, or is too large for its record to say.
func hasBase64(record *manifest.Record) bool {
	return !record.List.IsZero() ||
		slices.ContainsFunc(record.Parts, func(p manifest.Part) bool { return p.Kind == mail.Base64Part })
}

// signatures are types of files that programs add to a message and read again.
var signatures = []string{"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}

// HasAttachments reports whether a message has what people call an attachment: a file that is
// neither a signature nor an image of the text. Bodies in base64 may be left out of the message.
func HasAttachments(raw []byte) bool {
	return slices.ContainsFunc(extract.Attachments(raw), func(a extract.Attachment) bool {
		ofText := strings.HasPrefix(a.Type, "image/") && a.Entity.ID != "" && a.Entity.Disposition != "attachment"
		return !ofText && !slices.Contains(signatures, a.Type)
	})
}
