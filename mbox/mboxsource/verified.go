package mboxsource

import (
	"errors"
	"fmt"
	"io"

	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/mail"
)

// verified is the text of a message. It ends with an error if it is not the text that was listed.
type verified struct {
	io.Reader
	io.Closer
	sum  *chunk.Hasher
	key  string
	file *file
	done error // the result, at the end
}

// errRewritten reports that another program rewrote the mbox. The folder is listed again.
var errRewritten = fmt.Errorf("%w: the mbox changed while it was read", mail.ErrTemporary)

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.Reader.Read(p)
	_, _ = v.sum.Write(p[:n])
	if errors.Is(err, io.EOF) && v.done == nil {
		v.done = io.EOF
		if id := v.sum.Sum(); string(id[:]) != v.key {
			v.done = errRewritten
			v.file.forget()
		}
	}
	if v.done != nil {
		err = v.done
	}
	return n, err
}
