package statement

import (
	"crypto/ed25519"
	"errors"

	"github.com/mailstrata/mailstrata/repo/format"
)

// Signed is the content of a statement. A config is signed in the same way.
type Signed struct {
	_         struct{} `cbor:",toarray"`
	Payload   []byte
	Signature [ed25519.SignatureSize]byte
}

// ErrUnsigned is the error of a statement that the keeper did not sign. It has no effect.
var ErrUnsigned = errors.New("not signed by the keeper")

func signedMessage(kind format.Kind, repository [16]byte, payload []byte) []byte {
	message := append([]byte("mailstrata v1 "+string(kind)), 0)
	return append(append(message, repository[:]...), payload...)
}

// Open checks that the keeper signed a statement, and returns its payload.
func Open(content []byte, kind format.Kind, repository [16]byte, keeper [32]byte) (payload []byte, err error) {
	var s Signed
	if err := format.Decode(content, &s); err != nil {
		return nil, err
	}
	if !ed25519.Verify(keeper[:], signedMessage(kind, repository, s.Payload), s.Signature[:]) {
		return nil, ErrUnsigned
	}
	return s.Payload, nil
}

// Sign encodes a row and returns the content of its statement. It is the inverse of Open.
func Sign(kind format.Kind, repository [16]byte, keeper ed25519.PrivateKey, what any) (content []byte, err error) {
	payload, err := format.Encode(what)
	if err != nil {
		return nil, err
	}
	return SignPayload(kind, repository, keeper, payload)
}

// SignPayload is Sign for a payload that is encoded already.
func SignPayload(kind format.Kind, repository [16]byte, keeper ed25519.PrivateKey, payload []byte) ([]byte, error) {
	s := Signed{Payload: payload}
	copy(s.Signature[:], ed25519.Sign(keeper, signedMessage(kind, repository, payload)))
	return format.Encode(s)
}
