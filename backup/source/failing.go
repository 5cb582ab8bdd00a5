package source

import (
	"context"

	"github.com/mailstrata/mailstrata/mail"
)

// Failing returns a Source of an account that cannot be read. Every call returns the error.
func Failing(err error) Source { return failing{err} }

type failing struct{ err error }

func (f failing) Server(context.Context) (mail.Server, error) { return mail.Server{}, f.err }

func (f failing) Survey(context.Context) (*mail.Survey, error) { return nil, f.err }

func (f failing) Examine(context.Context, mail.Mailbox, First) (View, error) { return nil, f.err }

func (f failing) Parallel() int { return 1 }

func (f failing) Close() error { return nil }
