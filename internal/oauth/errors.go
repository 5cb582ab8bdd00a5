package oauth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"github.com/mailstrata/mailstrata/internal/printable"
)

var (
	// ErrConsent means that there is no consent, or that it was revoked or has expired. The owner
	// must consent again.
	ErrConsent = errors.New("new consent is needed")

	// ErrDenied means that the owner refused consent.
	ErrDenied = errors.New("the consent was refused")

	// ErrExpired means that no consent was given in time.
	ErrExpired = errors.New("no consent was given in time")

	// ErrNoDevice means that the provider has no device flow for this client or these scopes. A
	// browser may work.
	ErrNoDevice = errors.New("the provider does not offer the device flow here")

	// ErrUnavailable means that the provider cannot be reached, or has an error. It is temporary.
	ErrUnavailable = errors.New("the provider cannot be reached")
)

// Codes of RFC 6749 section 5.2, RFC 8628 section 3.5, OpenID Connect Core section 3.1.2.6, and of
// providers.
var (
	consentCodes = []string{"invalid_grant", "interaction_required", "consent_required", "login_required"}
	deviceCodes  = []string{
		"invalid_client", "unauthorized_client", "invalid_scope", "unsupported_grant_type", "invalid_request",
	}
	passingCodes = []string{"temporarily_unavailable", "server_error"}
	clientCodes  = []string{"invalid_client", "unauthorized_client"}
)

// explain returns a short error for one of package oauth2, which may repeat whole answers.
func explain(ctx context.Context, endpoint string, err error, secrets []string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	host := hostOf(endpoint)
	var refused *oauth2.RetrieveError
	var lost *url.Error
	switch {
	case errors.As(err, &refused):
		return explainRefusal(host, refused, secrets)
	case errors.As(err, &lost):
		return fmt.Errorf("%w: %s: %w", ErrUnavailable, host, lost.Err)
	}
	return fmt.Errorf("%w: the answer of %s is not a token", ErrUnavailable, host)
}

func explainRefusal(host string, refused *oauth2.RetrieveError, secrets []string) error {
	code := refused.ErrorCode
	if code == "" { // package jwt does not read the answer
		var answer struct {
			Code string `json:"error"`
			Text string `json:"error_description"`
		}
		if json.Unmarshal(refused.Body, &answer) == nil {
			code, refused.ErrorDescription = answer.Code, answer.Text
		}
	}
	if code == "" {
		status := cmp.Or(http.StatusText(refused.Response.StatusCode), "an unknown status")
		return fmt.Errorf("%w: %s answers %d (%s)", ErrUnavailable, host, refused.Response.StatusCode, status)
	}
	said := printable.Text(hide(code, secrets))
	if refused.ErrorDescription != "" {
		said += ": " + printable.Text(hide(refused.ErrorDescription, secrets))
	}
	switch {
	case slices.Contains(consentCodes, code):
		return fmt.Errorf("%w (%s answers %s)", ErrConsent, host, said)
	case slices.Contains(passingCodes, code) || refused.Response.StatusCode >= http.StatusInternalServerError:
		return fmt.Errorf("%w: %s answers %s", ErrUnavailable, host, said)
	case code == "access_denied":
		return fmt.Errorf("%w (%s answers %s)", ErrDenied, host, said)
	case code == "expired_token":
		return ErrExpired
	case slices.Contains(clientCodes, code):
		return fmt.Errorf("%s does not accept the client id, or its secret, for this (%s)", host, said)
	}
	return fmt.Errorf("%s issued no token (%s)", host, said)
}

func hostOf(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "the provider"
	}
	return u.Host
}

// hide removes secrets from a provider's text.
func hide(text string, secrets []string) string {
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, "…")
	}
	return text
}
