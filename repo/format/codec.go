package format

import (
	"bytes"
	"fmt"
	"io"

	"filippo.io/age"
	"github.com/zeebo/blake3"
)

// Codec makes and reads the objects of one repository. It may be used by several goroutines at
// once.
type Codec struct {
	Repository [16]byte
	Keys       Keys
	Decoder    *FrameDecoder
	encoders   frameEncoders
}

// NewCodec returns the codec of a repository with these keys.
func NewCodec(repository [16]byte, k Keys, d *FrameDecoder) *Codec {
	return &Codec{Repository: repository, Keys: k, Decoder: d}
}

// NewWriter begins a container of a kind on w.
func (c *Codec) NewWriter(w io.Writer, kind Kind) (*ContainerWriter, error) {
	return newContainerWriter(w, newHead(kind, c.Repository, &c.Keys), &c.Keys)
}

// open parses a container and checks its tag, its kind and its repository.
func (c *Codec) open(r io.ReaderAt, size int64, kind Kind) (*Container, error) {
	object, err := ParseContainer(r, size, &c.Keys)
	if err != nil {
		return nil, err
	}
	return object, object.CheckKind(kind, c.Repository)
}

// Build makes an object in memory, sealed to recipients, and returns its bytes and their hash. It
// reads the object back before it returns.
func (c *Codec) Build(kind Kind, content []byte, recipients []age.Recipient) ([]byte, [32]byte, error) {
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
	again, err := c.Parse(out.Bytes(), kind, id)
	if err != nil {
		return nil, none, fmt.Errorf("a %s just made cannot be read: %w", kind, err)
	}
	if !bytes.Equal(again, content) {
		return nil, none, fmt.Errorf("a %s just made holds something else", kind)
	}
	return out.Bytes(), blake3.Sum256(out.Bytes()), nil
}

// smallFrame bounds the content of a frame of an object that is not a pack. Most such objects are
// one frame.
const smallFrame = 4 << 20

func (c *Codec) writeContainer(w io.Writer, kind Kind, content []byte) error {
	if len(content) > MaxContent {
		return fmt.Errorf("content of %d bytes is larger than the format allows", len(content))
	}
	out, err := c.NewWriter(w, kind)
	if err != nil {
		return err
	}
	for len(content) > 0 {
		n := min(len(content), smallFrame)
		err := c.WithFrame(content[:n:n], func(encoded []byte) error { return out.Frame(encoded, n) })
		if err != nil {
			return err
		}
		content = content[n:]
	}
	return out.Finish(Table{})
}

// Parse inverts Build.
func (c *Codec) Parse(stored []byte, kind Kind, id age.Identity) ([]byte, error) {
	plain, err := Unseal(stored, id)
	if err != nil {
		return nil, err
	}
	object, err := c.open(bytes.NewReader(plain), int64(len(plain)), kind)
	if err != nil {
		return nil, err
	}
	return object.Content(c.Decoder)
}
