package quota

import (
	"context"
	"io"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/mail"
)

// Limit returns a source whose downloads are counted and slowed down by a quota.
func Limit(from source.Source, quota *Quota) source.Source { return &limited{from, quota} }

// limited is a source with a quota.
type limited struct {
	source.Source
	quota *Quota
}

func (s *limited) Examine(ctx context.Context, mailbox mail.Mailbox, first source.First) (source.View, error) {
	view, err := s.Source.Examine(ctx, mailbox, first)
	if err != nil {
		return nil, err
	}
	return &limitedView{view, s.quota}, nil
}

type limitedView struct {
	source.View
	quota *Quota
}

func (v *limitedView) Bodies(ctx context.Context, messages []mail.Message, read func(mail.UID, io.Reader) error) error {
	return v.View.Bodies(ctx, messages, func(uid mail.UID, body io.Reader) error {
		return read(uid, &limitedBody{ctx, body, v.quota})
	})
}

func (v *limitedView) Ranges(ctx context.Context, wanted []source.Range, read func(source.Range, []byte) error) error {
	return v.View.Ranges(ctx, wanted, func(s source.Range, data []byte) error {
		if err := v.quota.Add(ctx, len(data)); err != nil {
			return err
		}
		return read(s, data)
	})
}

type limitedBody struct {
	ctx   context.Context
	body  io.Reader
	quota *Quota
}

func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if waited := b.quota.Add(b.ctx, n); waited != nil {
		err = waited
	}
	return n, err
}
