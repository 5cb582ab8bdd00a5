package repo

import (
	"bytes"
	"fmt"
	"io"

	"filippo.io/age"
	"github.com/zeebo/blake3"
)

// codec makes and reads the objects of one repository.
type codec struct {
	repository [16]byte
	keys       keys
	decoder    *frameDecoder
	encoders   frameEncoders
}

func newCodec(repository [16]byte, k keys, d *frameDecoder) *codec {
	return &codec{repository: repository, keys: k, decoder: d}
}

// newWriter begins a container of a kind.
func (c *codec) newWriter(w io.Writer, kind Kind) (*containerWriter, error) {
	return newContainerWriter(w, newHead(kind, c.repository, &c.keys), &c.keys)
}

// open parses a container and checks its tag, its kind and its repository.
func (c *codec) open(r io.ReaderAt, size int64, kind Kind) (*container, error) {
	object, err := parseContainer(r, size, &c.keys)
	if err != nil {
		return nil, err
	}
	return object, object.is(kind, c.repository)
}

// withFrame compresses content, checks the frame, and lends it to use.
func (c *codec) withFrame(content []byte, use func(stored []byte) error) error {
	level := levelFor(content)
	e, err := c.encoders.take(level)
	if err != nil {
		return err
	}
	defer c.encoders.giveBack(e, level)
	stored, err := e.encode(content)
	if err == nil {
		err = c.encoders.check(stored, content, c.decoder)
	}
	if err != nil {
		return err
	}
	return use(stored)
}

// build makes an object in memory, reads it again as a reader would, and returns its bytes and their hash.
func (c *codec) build(kind Kind, content []byte, recipients []age.Recipient) ([]byte, [32]byte, error) {
	var none [32]byte
	var out bytes.Buffer
	sealed, fileKey, err := seal(&out, recipients)
	if err != nil {
		return nil, none, err
	}
	if err := c.writeContainer(sealed, kind, content); err != nil {
		return nil, none, fmt.Errorf("make a %s: %w", kind, err)
	}
	if err := sealed.Close(); err != nil {
		return nil, none, fmt.Errorf("make a %s: %w", kind, err)
	}
	var id age.Identity
	if fileKey != nil {
		id = age.NewInjectedFileKeyIdentity(fileKey)
	}
	again, err := c.parse(out.Bytes(), kind, id)
	if err != nil {
		return nil, none, fmt.Errorf("a %s just made cannot be read: %w", kind, err)
	}
	if !bytes.Equal(again, content) {
		return nil, none, fmt.Errorf("a %s just made holds something else", kind)
	}
	return out.Bytes(), blake3.Sum256(out.Bytes()), nil
}

func (c *codec) writeContainer(w io.Writer, kind Kind, content []byte) error {
	if len(content) > maxContent {
		return fmt.Errorf("content of %d bytes is larger than the format allows", len(content))
	}
	out, err := c.newWriter(w, kind)
	if err != nil {
		return err
	}
	for len(content) > 0 {
		n := min(len(content), smallFrame)
		err := c.withFrame(content[:n:n], func(stored []byte) error { return out.frame(stored, n) })
		if err != nil {
			return err
		}
		content = content[n:]
	}
	return out.finish(table{})
}

// parse inverts build.
func (c *codec) parse(stored []byte, kind Kind, id age.Identity) ([]byte, error) {
	plain, err := unseal(stored, id)
	if err != nil {
		return nil, err
	}
	object, err := c.open(bytes.NewReader(plain), int64(len(plain)), kind)
	if err != nil {
		return nil, err
	}
	return object.content(c.decoder)
}
