package main

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive/erase"
	"github.com/mailstrata/mailstrata/internal/ui"
)

// erasureSummary describes an erasure in JSON.
type erasureSummary struct {
	DryRun    bool            `json:"dry_run"`
	Account   string          `json:"account,omitempty"`
	Messages  []erasedMessage `json:"messages"`
	Manifests int             `json:"manifests"`
	Packs     int             `json:"packs"`

	SharedChunks int        `json:"shared_chunks"`
	SharedBytes  int64      `json:"shared_bytes"`
	LockedUntil  *time.Time `json:"locked_until,omitempty"`

	Rewritten int               `json:"rewritten_manifests"`
	Marked    int               `json:"marked_manifests"`
	Damaged   []damagedManifest `json:"damaged_manifests"`
	Unread    int               `json:"unread_pieces"`
	GoneAt    *time.Time        `json:"gone_at,omitempty"`
}

type erasedMessage struct {
	Hash   string        `json:"hash"`
	Size   int64         `json:"size"`
	Date   string        `json:"date"`
	Places []erasedPlace `json:"places"`
	More   int           `json:"more_places,omitempty"`
}

type erasedPlace struct {
	Account string `json:"account"`
	Mailbox string `json:"mailbox"`
	UID     uint32 `json:"uid"`
}

type damagedManifest struct {
	ID    string `json:"id"`
	Error string `json:"error"`
}

func summarizeErasure(plan *erase.Plan, dry bool) *erasureSummary {
	s := &erasureSummary{
		DryRun: dry, Account: plan.Account, Messages: []erasedMessage{}, Manifests: plan.Manifests, Packs: plan.Packs,
		SharedChunks: plan.Shared.Chunks, SharedBytes: plan.Shared.Bytes, Damaged: []damagedManifest{}, Unread: plan.Unread,
	}
	for _, m := range plan.Messages {
		message := erasedMessage{Hash: hex.EncodeToString(m.Hash[:]), Size: m.Size, Date: m.Date.String(), More: m.More}
		for _, place := range m.Places {
			message.Places = append(message.Places, erasedPlace{place.Account, place.Mailbox, uint32(place.UID)})
		}
		s.Messages = append(s.Messages, message)
	}
	if !plan.Locked.IsZero() {
		until := plan.Locked.UTC()
		s.LockedUntil = &until
	}
	return s
}

// printErasure shows what is to be erased.
func printErasure(p *program, plan *erase.Plan) {
	for _, m := range plan.Messages {
		p.Printf("message %x  %s  %s", m.Hash[:4], ui.Safe(m.Date.String()), ui.Size(m.Size))
		for _, place := range m.Places {
			p.Printf("  %s", ui.Safe(fmt.Sprintf("%s  %s  UID %d", place.Account, place.Mailbox, place.UID)))
		}
		if m.More > 0 {
			p.Printf("  and %s more", ui.Plural(m.More, "place"))
		}
	}
	shared := ""
	if plan.Shared.Chunks > 0 {
		shared = fmt.Sprintf("%s, %s, which other mail also uses, for example %s", ui.Plural(int64(plan.Shared.Chunks), "chunk"),
			ui.Size(plan.Shared.Bytes), plan.Shared.Example)
	}
	locked := ""
	if !plan.Locked.IsZero() {
		locked = "the store keeps it until " + ui.Time(plan.Locked) + ", and longer if the locks are renewed before the first prune"
	}
	p.Facts(
		"account", plan.Account,
		"in", ui.Plural(int64(plan.Manifests), "manifest")+" and "+ui.Plural(int64(plan.Packs), "pack"),
		"stays", shared,
		"locked", locked,
	)
}

// endErasure reports what was done. Without a report, nothing was done.
func endErasure(p *program, s *erasureSummary, plan *erase.Plan, report *erase.Report) error {
	unread, damage := plan.Unread, plan.Damage
	if report != nil {
		gone := report.Gone().UTC()
		s.Rewritten, s.Marked, s.GoneAt = report.Rewritten, report.Marked, &gone
		s.Unread, unread, damage = report.Unread, report.Unread, report.Damage
		for _, d := range report.Damaged {
			s.Damaged = append(s.Damaged, damagedManifest{id(d.Old), d.Err.Error()})
		}
	}
	if p.flags.JSON {
		if err := p.PrintJSON(s); err != nil {
			return err
		}
	}
	if report != nil && !p.flags.JSON {
		p.Printf("%s rewritten without it, %d marked", ui.Plural(int64(report.Rewritten), "manifest"), report.Marked)
		p.Note("the store keeps its bytes until two prunes have run, one a day from now and one a day after that: until %s at the earliest", ui.Time(report.Gone()))
		p.Note("copies in other repositories stay: run mailstrata erase there, too")
		if report.Spills > 0 {
			p.Note("a backup is under way on this host, and may hold it in %s until it ends", ui.Plural(int64(report.Spills), "file"))
		}
	}
	warnDamaged(p, report)
	if unread > 0 {
		p.Warn("%s cannot be read and may hold it: %s", ui.Plural(int64(unread), "page or table"), ui.OneLine(damage.Error()))
	}
	if unread > 0 || len(s.Damaged) > 0 {
		return &outcome{statusPartial, "not everything could be read or rewritten; mailstrata check shows what is damaged"}
	}
	return nil
}

// warnDamaged names the manifests that still hold what was erased.
func warnDamaged(p *program, report *erase.Report) {
	if report == nil {
		return
	}
	for _, d := range report.Damaged {
		name := hex.EncodeToString(d.Old.ID[:4])
		p.Warn("manifest %s still holds it, because it cannot be rewritten: %s. To keep its other mail, run mailstrata repair manifest %s; then run mailstrata forget %s",
			name, strings.TrimSuffix(ui.OneLine(d.Err.Error()), "."), name, name)
	}
}

// erasedFact returns how many messages a manifest leaves out, in words.
func erasedFact(messages int64) string {
	if messages == 0 {
		return ""
	}
	return ui.Plural(messages, "message") + " left out, which the server had"
}
