package page

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/mailstrata/mailstrata/mail"
	"github.com/mailstrata/mailstrata/serve/page/gate"
	"github.com/mailstrata/mailstrata/serve/view"
)

// route answers the requests for one path.
type route struct {
	access gate.Access
	serve  func(http.ResponseWriter, *request) error
}

// allRoutes returns the routes by their paths.
func (s *Server) allRoutes() map[string]route {
	return map[string]route{
		"":           {gate.Private, s.accounts},
		"account":    {gate.Private, s.account},
		"night":      {gate.Private, s.night},
		"mailbox":    {gate.Private, s.mailbox},
		"message":    {gate.Private, s.message},
		"frame":      {gate.Private, s.frame},
		"attachment": {gate.Private, s.attachment},
		"eml":        {gate.Private, s.eml},
		"stay":       {gate.Private, s.stay},
		"storage":    {gate.Private, s.storage},
		"search":     {gate.Private, s.search},
		"changes":    {gate.Private, s.changes},
		"export":     {gate.Private, s.export},
		"items":      {gate.Private, s.items},
		"item":       {gate.Private, s.item},
		"link":       {gate.Open, s.link},
		"style.css":  {gate.Public, s.style},
		"icon.svg":   {gate.Public, s.icon},
		"login":      {gate.Public, s.loginForm},
	}
}

// request is a request with what its parameters name.
type request struct {
	*http.Request
	server *Server
	values url.Values
}

// Names of parameters.
const (
	accountParam = "a"
	nightParam   = "n" // the id of a manifest, or its first digits
	mailboxParam = "m" // the raw name
	uidParam     = "u"
	sortParam    = "s"
	pageParam    = "p"
	showParam    = "v"
	numberParam  = "i"
	queryParam   = "q"
)

// to returns the address of a page. Parameters with an empty value are left out.
func to(path string, pairs ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// number returns a parameter that is a number of at least 1, or 1.
func (r *request) number(name string) int {
	n, err := strconv.Atoi(r.values.Get(name))
	if err != nil || n < 1 {
		return 1
	}
	return n
}

// history returns the nights of the account.
func (r *request) history() (*view.History, error) {
	return r.server.o.Archives.History(r.Context(), r.values.Get(accountParam))
}

// place is what a request names: a night, and perhaps a mailbox and its messages.
type place struct {
	history *view.History
	index   int // of the night
	view    *view.View
	mailbox *view.Mailbox
	list    *view.List
}

// night returns the night. Without a parameter it is the latest complete one.
func (r *request) night() (*place, error) {
	h, err := r.history()
	if err != nil {
		return nil, err
	}
	return r.nightOf(h, r.values.Get(nightParam))
}

// nightOf returns a night by its id.
func (r *request) nightOf(h *view.History, id string) (*place, error) {
	p := &place{history: h}
	if p.index = h.Find(id); id == "" {
		p.index = h.Latest()
	}
	if p.index < 0 {
		return nil, fmt.Errorf("%w: the account has no backup %q", errNotFound, id)
	}
	var err error
	if p.view, err = h.View(r.Context(), p.index); err != nil {
		return nil, err
	}
	return p, nil
}

// mailbox returns the mailbox, with its messages if it can have any.
func (r *request) mailbox() (*place, error) {
	p, err := r.night()
	if err != nil {
		return nil, err
	}
	name := r.values.Get(mailboxParam)
	if p.mailbox = p.view.Raw(name); p.mailbox == nil {
		return nil, fmt.Errorf("%w: the backup has no mailbox %q", errNotFound, name)
	}
	if p.mailbox.Selectable {
		p.list, err = p.mailbox.Open(r.Context())
	}
	return p, err
}

// message returns the mailbox and the index of a message in its list.
func (r *request) message() (*place, int, error) {
	p, err := r.mailbox()
	if err != nil {
		return nil, 0, err
	}
	uid, err := strconv.ParseUint(r.values.Get(uidParam), 10, 32)
	if err == nil && p.list != nil {
		if i := p.list.At(mail.UID(uid)); i < p.list.Len() && p.list.UID(i) == mail.UID(uid) {
			return p, i, nil
		}
	}
	return nil, 0, fmt.Errorf("%w: the mailbox has no message with the UID %q", errNotFound, r.values.Get(uidParam))
}

// address returns the address of a page about the place, with more parameters.
func (p *place) address(path string, more ...string) string {
	pairs := []string{accountParam, p.history.Account, nightParam, p.id()}
	if p.mailbox != nil {
		pairs = append(pairs, mailboxParam, p.mailbox.Archived.Raw)
	}
	return to(path, append(pairs, more...)...)
}

// id returns the id of the night, as addresses have it.
func (p *place) id() string { return nightID(p.history, p.index) }
