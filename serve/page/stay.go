package page

import (
	"fmt"
	"net/http"
	"time"

	"github.com/mailstrata/mailstrata/archive"
	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/chunk"
	"github.com/mailstrata/mailstrata/internal/header"
	"github.com/mailstrata/mailstrata/manifest"
)

// stayPage is the nights that have a message.
type stayPage struct {
	page
	Subject     string
	First, Last time.Time
	FirstAt     string // address of the night
	LastAt      string // address of the message on the last night
	Mailbox     string // on the last night
	Gone        bool   // the latest complete night does not have it
	Found       bool
}

// stay shows from which night to which one an account had a message, in whatever mailbox.
func (s *Server) stay(w http.ResponseWriter, r *request) error {
	p, i, err := r.message()
	if err != nil {
		return err
	}
	m, err := record(r.Context(), p.list, i)
	if err != nil {
		return err
	}
	end, err := s.large.Take(r.Context())
	if err != nil {
		return err
	}
	defer end()
	h := p.history
	uid := fmt.Sprint(p.list.UID(i))
	data := stayPage{page: page{
		Title: "When the message was there", Account: h.Account, Night: p.id(),
		Crumbs: append(crumbs(p), crumb{p.mailbox.Archived.Name, p.address("mailbox")}, crumb{
			"Message", p.address("message", uidParam, uid),
		}),
	}}
	text, err := p.list.Contents().HeaderFields(r.Context(), m.Record)
	if err != nil {
		data.damaged(fmt.Errorf("the header cannot be read: %w", err))
	}
	data.Subject = oneLine(header.Text(text, "Subject"))
	same := search.Query{Only: func(hash chunk.ID) bool { return hash == m.Record.Hash }}
	every := func(*manifest.Mailbox) bool { return true }
	for hit, err := range search.FindAll(r.Context(), h.Archive().Repo(), h.Account, same, every) {
		switch {
		case err != nil && !archive.IsDamage(err):
			return err
		case err != nil:
			if len(data.Damage) < maxUnread {
				data.damaged(err)
			}
			continue
		}
		if !data.Found || hit.Last.Time.After(data.Last) {
			data.Last, data.Mailbox = hit.Last.Time, hit.Mailbox.Name
			data.LastAt = to("message", accountParam, h.Account, nightParam, hit.Last.ID.String()[:16],
				mailboxParam, hit.Mailbox.Raw, uidParam, fmt.Sprint(hit.Entry.UID))
		}
		if !data.Found || hit.First.Time.Before(data.First) {
			data.First = hit.First.Time
			data.FirstAt = to("night", accountParam, h.Account, nightParam, hit.First.ID.String()[:16])
		}
		data.Found = true
	}
	if latest := h.Latest(); latest >= 0 {
		data.Gone = data.Last.Before(h.Nights[latest].Head.Time)
	}
	return s.show(w, "stay", data)
}
