package chunk

import (
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/restic/chunker"
)

// Polynomial over GF(2) decides where content is cut: bit n is the coefficient
// of x^n. It is drawn when a repository is made and never changes. As chunk
// sizes tell something of the content, it is kept as a secret too.
type Polynomial uint64

// polynomialDegree is part of the durable format.
const polynomialDegree = 53

// ErrPolynomial is returned for a polynomial that must not be used for cutting.
var ErrPolynomial = errors.New("not an irreducible polynomial of degree 53")

// RandomPolynomial draws a polynomial for a new repository.
func RandomPolynomial() (Polynomial, error) {
	p, err := chunker.DerivePolynomial(rand.Reader)
	if err != nil {
		return 0, fmt.Errorf("draw a polynomial: %w", err)
	}
	return Polynomial(p), nil
}

// Check returns ErrPolynomial unless p is irreducible and of degree 53. With a
// reducible polynomial the fingerprint depends on fewer bits than it has, and
// chunks of all sizes become likely.
func (p Polynomial) Check() error {
	pol := chunker.Pol(p)
	if pol.Deg() != polynomialDegree || !pol.Irreducible() {
		return ErrPolynomial
	}
	return nil
}
