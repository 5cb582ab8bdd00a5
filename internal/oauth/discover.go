package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/mailstrata/mailstrata/internal/printable"
)

// maxMetadata is the maximum size of what a provider publishes about itself.
const maxMetadata = 256 << 10

// Discover returns the provider at a URL, as it describes itself there (OpenID Connect Discovery
// 1.0 section 4; RFC 8414 has the same fields). The scopes are left to the caller.
func Discover(ctx context.Context, issuer string, transport http.RoundTripper) (*Provider, error) {
	issuer = strings.TrimSuffix(issuer, "/")
	if !strings.Contains(issuer, "://") {
		issuer = "https://" + issuer
	}
	asked := Provider{AuthURL: issuer, TokenURL: issuer}
	if err := asked.Validate(); err != nil {
		return nil, errors.New("the provider is named by a URL: https://id.example")
	}
	place := strings.TrimSuffix(issuer, wellKnown) + wellKnown
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, place, nil)
	if err != nil {
		return nil, errors.New("the provider is named by a URL: https://id.example")
	}
	client := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s, and does not describe a provider of tokens",
			place, printable.Text(answer.Status))
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxMetadata))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return parseMetadata(text)
}

// wellKnown is where a provider describes itself.
const wellKnown = "/.well-known/openid-configuration"

func parseMetadata(text []byte) (*Provider, error) {
	var said struct {
		AuthURL   string `json:"authorization_endpoint"`
		DeviceURL string `json:"device_authorization_endpoint"`
		TokenURL  string `json:"token_endpoint"`
	}
	if err := json.Unmarshal(text, &said); err != nil {
		return nil, errors.New("the description of the provider of tokens is not JSON")
	}
	p := &Provider{Name: "other", AuthURL: said.AuthURL, DeviceURL: said.DeviceURL, TokenURL: said.TokenURL}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return p, nil
}
