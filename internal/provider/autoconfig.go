package provider

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxAutoconfig is the maximum size of the file of a domain.
const maxAutoconfig = 256 << 10

// autoconfig asks for the file that Thunderbird introduced (draft-ietf-mailmaint-autoconfig), at
// the two places of the domain, over HTTPS alone: otherwise anybody on the network could name the
// server that gets the password. The address itself is not sent.
func (f *Finder) autoconfig(ctx context.Context, domain string) *Provider {
	places := []string{
		"https://autoconfig." + domain + "/mail/config-v1.1.xml",
		"https://" + domain + "/.well-known/autoconfig/mail/config-v1.1.xml",
	}
	answers := make([]chan *Provider, len(places))
	for i, place := range places {
		answers[i] = make(chan *Provider, 1)
		go func() {
			found, _ := f.fetch(ctx, place)
			answers[i] <- found
		}()
	}
	for _, answer := range answers {
		if found := <-answer; found != nil {
			return found
		}
	}
	return nil
}

func (f *Finder) fetch(ctx context.Context, place string) (*Provider, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, place, nil)
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: f.HTTP, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		if next.URL.Scheme != "https" || len(via) > 3 {
			return errors.New("the redirect is not followed")
		}
		return nil
	}}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, errors.New(answer.Status)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAutoconfig+1))
	if err != nil {
		return nil, err
	}
	return parseAutoconfig(text)
}

// clientConfig is the part of the file that matters here.
type clientConfig struct {
	XMLName  xml.Name `xml:"clientConfig"`
	Provider struct {
		Name    string `xml:"displayName"`
		Servers []struct {
			Type           string   `xml:"type,attr"`
			Host           string   `xml:"hostname"`
			Port           int      `xml:"port"`
			Socket         string   `xml:"socketType"`
			User           string   `xml:"username"`
			Authentication []string `xml:"authentication"`
		} `xml:"incomingServer"`
	} `xml:"emailProvider"`
	OAuth struct {
		Scope    string `xml:"scope"`
		AuthURL  string `xml:"authURL"`
		TokenURL string `xml:"tokenURL"`
	} `xml:"oAuth2"`
}

// parseAutoconfig returns the first IMAP server with encryption.
func parseAutoconfig(text []byte) (*Provider, error) {
	if len(text) > maxAutoconfig {
		return nil, fmt.Errorf("more than %d bytes", maxAutoconfig)
	}
	var file clientConfig
	if err := xml.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	for _, s := range file.Provider.Servers {
		if s.Type != "imap" || s.Socket != "SSL" && s.Socket != "STARTTLS" || !isHost(s.Host) || s.Port < 1 ||
			s.Port > 65535 {
			continue
		}
		p := &Provider{Host: strings.ToLower(s.Host), Port: s.Port}
		if strings.TrimSpace(s.User) == "%EMAILLOCALPART%" {
			p.User = LocalPart
		}
		if len(s.Authentication) > 0 {
			p.Password = None
		}
		for _, way := range s.Authentication {
			if !strings.EqualFold(strings.TrimSpace(way), "OAuth2") {
				p.Password = Own
			}
		}
		if o := file.OAuth; strings.HasPrefix(o.AuthURL, "https://") && strings.HasPrefix(o.TokenURL, "https://") {
			p.OAuth = OAuth{Kind: "other", AuthURL: o.AuthURL, TokenURL: o.TokenURL, Scopes: strings.Fields(o.Scope)}
		}
		return p, nil
	}
	return nil, errors.New("it names no IMAP server with encryption")
}
