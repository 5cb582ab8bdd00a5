package chunk

import (
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/restic/chunker"
)

// Polynomial is a polynomial over GF(2) that decides where content is cut. Bit n is the coefficient
// of x^n. It is drawn when a repository is created and never changes. It is secret, because the
// sizes of chunks reveal something of the content.
type Polynomial uint64

// polynomialDegree is part of the durable format.
const polynomialDegree = 53

// ErrPolynomial is the error of Check for a polynomial that must not be used.
var ErrPolynomial = errors.New("not an irreducible polynomial of degree 53")

// RandomPolynomial returns a random polynomial for a new repository.
func RandomPolynomial() (Polynomial, error) {
	p, err := chunker.DerivePolynomial(rand.Reader)
	if err != nil {
		return 0, fmt.Errorf("draw a polynomial: %w", err)
	}
	return Polynomial(p), nil
}

// Check returns ErrPolynomial unless p is irreducible and of degree 53. With a reducible
// polynomial, the rolling fingerprint has fewer effective bits, and the sizes of chunks vary more.
func (p Polynomial) Check() error {
	pol := chunker.Pol(p)
	if pol.Deg() != polynomialDegree || !pol.Irreducible() {
		return ErrPolynomial
	}
	return nil
}
